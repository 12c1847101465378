"""One payment's life at one company, with what goes wrong: everybody does their part, again and
again, as players, games, companies and jobs do, until nothing is left to be done.

Whoever gets no answer asks again under the same key; a webhook that was not taken comes again; time
goes by the shop's clock.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

from tests.faults.matrix.company import PART
from tests.faults.matrix.counter import Counter, tell
from tests.faults.matrix.deeds import Deed, asked, heard, receive, turned
from tests.faults.matrix.hall import Letter
from tests.faults.matrix.worker import Cut, Died

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Dossier, IntentState, Refund, RefundState
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.usecases.attempt import Asked
from guildbank.payments.usecases.cancel import expire_payments
from guildbank.payments.usecases.confirm import ConfirmCommand, Confirming, confirm_payment
from guildbank.payments.usecases.confirm_refund import RefundConfirmation, confirm_refund
from guildbank.payments.usecases.create import create_payment
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.look import janitor
from guildbank.payments.usecases.read import read_payment
from guildbank.payments.usecases.read_reports import read_reports
from guildbank.payments.usecases.refund import refund_payment
from guildbank.payments.usecases.retry import retry_payment

T = TypeVar("T")
TURNS = 60
"""How often everybody does their part before what is still open counts as stuck."""
LONG = timedelta(days=1)
PAUSES = (
    timedelta(seconds=40), timedelta(minutes=6), timedelta(minutes=65), timedelta(minutes=65),
)  # fmt: skip
ENDED = frozenset(
    {IntentState.CREDITED, IntentState.FAILED, IntentState.CANCELED, IntentState.EXPIRED}
)


SIGNED = frozenset(
    {"stripe-signature", "sandbox-signature", "paypal-transmission-sig", "authorization"}
)
"""Headers by which webhooks are believed; Apple's are signed within."""


class Life:
    """A payment from its order to its last consequence."""

    def __init__(self, counter: Counter, effect: str, point: str | None, within: timedelta) -> None:
        """`within` is how long it may take by the shop's clock."""
        self.counter, self.shop = counter, counter.shop
        self.company, self.hall = counter.company, counter.hall
        self.effect, self.within = effect, within
        self.cut = Cut(point)
        self.player = ""
        self.payment = ""
        self._keys: dict[str, str] = {}
        self._things: dict[str, Any] = {}
        self._paid: set[str] = set()
        self._pauses = 0
        self._did_there = self._is_turned = self._is_refund_answered = False
        self._came: list[Letter] = []

    @property
    def fate(self) -> str:
        """What happens to the money in the end."""
        return self.effect.partition(", ")[0]

    @property
    def trouble(self) -> str:
        """What goes wrong on the way."""
        return self.effect.partition(", ")[2]

    async def live(self) -> None:
        """Let all of it happen."""
        self.shop.clock.by = timedelta()
        self.hall.letters.clear()
        self.hall.bench.switches.clear()
        what, _, place = self.trouble.partition(" at ")
        self.hall.studio.begin(self.counter.stands, what if place == "told" else None)
        self.counter.worker.cut = self.cut
        self.counter.worker.on_answer = self._answered
        self.player = await self.shop.player()
        for _ in range(TURNS):
            if await self._deliver():
                continue
            dossier = await self.dossier()
            if await self._step(dossier):
                continue
            if await self._is_over(dossier) and not await self._stirs(dossier):
                return
            if self.shop.clock.by > self.within:
                break
            await self._wait()
        raise AssertionError(f"stuck: {await self.dossier()}")

    async def dossier(self) -> Dossier | None:
        """Return the payment as it is stored."""
        if not self.payment:
            return None
        return await read_payment(self.shop.payments, self.shop.tenant, self.payment)

    # What everybody does

    async def _step(self, dossier: Dossier | None) -> bool:
        """Do the next thing that somebody can do; False where only time helps."""
        if dossier is None:
            return await self._order()
        intent, attempt = dossier.intent, dossier.attempts[-1] if dossier.attempts else None
        if intent.state is IntentState.CREDITED:
            return await self._afterwards(dossier)
        if intent.state in ENDED or attempt is None:
            return False if attempt is not None else await self._order()
        if intent.state is IntentState.REQUIRES_PAYMENT_METHOD:
            return self.fate != "declined" and await self._try_again(dossier)
        if attempt.reference is None:
            return False
        if attempt.id not in self._paid:
            self._paid.add(attempt.id)
            if not self.fate.startswith("given back"):
                self._maybe_turn("capture", "looked", "finish")
            await self.company.pay(attempt, self.fate)
            return True
        if self.company.confirmed_by is not None and self.trouble != "unconfirmed":
            return await self._confirm(dossier)
        return False

    async def _order(self) -> bool:
        key = self._key("order")
        changes = self._kept("purchase", self._purchase)
        wanted = self.shop.purchase(self.player, provider=self.company.provider, **changes)
        made = await self._act(asked(create_payment, self.shop.tenant, "app", key, wanted))
        assert not isinstance(made, Refusal), made
        if made is not None:
            self.payment = made.intent.id
        return True

    def _purchase(self) -> dict[str, Any]:
        self._maybe_turn("create")
        return self.company.purchase(self.fate)

    async def _try_again(self, dossier: Dossier) -> bool:
        """Pay once more, as a player does who is told that the first try never arrived."""
        intent, number = dossier.intent, dossier.intent.attempts
        assert intent.problem == "never_arrived", intent
        by = Asked("app", self._key(f"try {number}"))
        wanted = self._kept(f"try {number}", lambda: self.company.purchase(self.fate))
        done = await self._act(
            asked(
                retry_payment, self.shop.tenant, intent.id, None, wanted.get("method"),
                wanted.get("return_url"), by, payer=wanted.get("payer"),
            )
        )  # fmt: skip
        assert not isinstance(done, Refusal), done
        return True

    async def _confirm(self, dossier: Dossier) -> bool:
        attempt, by = dossier.attempts[-1], self.company.confirmed_by
        assert by is not None
        who = Confirming(self.player if by == "buyer" else "op_olga", by)
        word = self.company.word(attempt)
        command = ConfirmCommand(payment_id=dossier.intent.id, attempt_id=attempt.id, data=word)
        key = self._key(f"confirm {attempt.id}")
        done = await self._act(asked(confirm_payment, self.shop.tenant, who, key, command))
        return isinstance(done, Receipt) or await self.dossier() != dossier

    async def _afterwards(self, dossier: Dossier) -> bool:
        """Do what is done with a credited payment."""
        attempt = next(one for one in dossier.attempts if one.applied is not None)
        part = PART if "part" in self.fate else None
        if self.fate.startswith("refunded"):
            return await self._refund(dossier, part)
        if self._did_there:
            return False
        self._did_there = True
        if self.fate.startswith("given back"):
            # Once where it is read, and once where it is worked on.
            self._maybe_turn("looked", times=2)
            await self.company.give_back(attempt, part)
        elif self.fate == "disputed":
            await self.company.dispute(attempt)
        else:
            return False
        return True

    async def _refund(self, dossier: Dossier, part: int | None) -> bool:
        self._did_there = True
        self._maybe_turn("refund")
        if not self._is_refund_answered:
            command = RefundCommand(
                payment_id=self.payment, amount_minor=part, money=None, reason="asked"
            )
            key = self._key("refund")
            done = await self._act(asked(refund_payment, self.shop.tenant, "app", key, command))
            assert not isinstance(done, Refusal), done
            self._is_refund_answered = done is not None
            return True
        (refund,) = dossier.refunds
        return refund.state is RefundState.PENDING and await self._confirm_refund(refund)

    async def _confirm_refund(self, refund: Refund) -> bool:
        word = self.company.refund_word(refund)
        if word is None:
            return False
        key, said = self._key("refund's word"), RefundConfirmation(refund.id, word)
        who = Confirming("op_olga", "operator")
        done = await self._act(asked(confirm_refund, self.shop.tenant, who, key, said))
        assert not isinstance(done, Refusal), done
        return True

    # Webhooks

    async def _deliver(self) -> bool:
        """Hand over what came, as the effect says; say whether there was something."""
        await self.hall.rest()
        self._came += self.hall.letters
        self.hall.letters.clear()
        if self.trouble == "unheard":
            self._came.clear()
        if self.trouble == "reordered" and not await self._is_done():
            return False
        if not self._came:
            return False
        letters = self._came[::-1] if self.trouble == "reordered" else list(self._came)
        letters *= 2 if self.trouble == "twice" else 1
        taken = [letter for letter in letters if await self._hand_over(letter)]
        self._came = [letter for letter in self._came if letter not in taken]
        return bool(taken)

    async def _hand_over(self, letter: Letter) -> bool:
        """Hand one over; False where it is to come again, since it could not be looked up."""
        if self.trouble == "forged":
            await self._forge(letter)
        taken = None
        while taken is None:
            taken = await self._act(heard(letter))
        if self.trouble.endswith("at looked") and isinstance(taken, Refusal):
            assert taken.extra == {"reason": "malformed"}, taken
            return False
        assert not isinstance(taken, Refusal), taken
        return True

    async def _forge(self, letter: Letter) -> None:
        """Let a stranger try to be first."""
        headers, body = dict(letter.headers), letter.body
        name = next((name for name in headers if name.lower() in SIGNED), None)
        if name is None:
            body = _altered(body.decode()).encode()
        else:
            headers[name] = _altered(headers[name])
        forged = letter._replace(headers=headers, body=body)
        taken = await self._act(heard(forged))
        assert taken is None or (isinstance(taken, Refusal) and taken.code == "bad_signature")

    async def _answered(self, place: str) -> None:
        """Let another process hear of it before our own commit."""
        if self.trouble != "early" or place in ("finish", "told"):
            return
        await self.hall.rest()
        letters, payments = list(self.hall.letters), self.shop.payments
        self.hall.letters.clear()
        for letter in letters:
            taken = await receive(payments, letter)
            assert not isinstance(taken, Refusal), taken
        await payments.drain()

    # Time

    async def _wait(self) -> None:
        """Let time pass, and the jobs do their work."""
        pause = PAUSES[min(self._pauses, len(PAUSES) - 1)]
        if self.within > LONG and self._pauses > len(PAUSES):
            pause = timedelta(hours=12)
        self._pauses += 1
        self.shop.clock.by += pause
        await self._jobs()

    async def _jobs(self) -> None:
        jobs: tuple[Callable[[Any, Any], Awaitable[int]], ...] = (
            janitor, sweep_webhooks, read_reports, expire_payments, tell,
        )  # fmt: skip
        for job in jobs:
            await self._act(turned(job, self.shop.tenant))
        await self.shop.payments.drain()

    async def _is_done(self) -> bool:
        """Say whether the payment has come to its end, whatever was heard of that."""
        dossier = await self.dossier()
        if dossier is None or dossier.intent.state not in ENDED:
            return False
        return self._did_there or self.fate not in ("disputed", "given back", "refunded")

    async def _is_over(self, dossier: Dossier | None) -> bool:
        """Say whether nothing is left to be done."""
        if dossier is None or dossier.intent.state not in ENDED or self._came:
            return False
        await self._act(turned(tell, self.shop.tenant))
        return not await self.counter.waiting()

    async def _stirs(self, before: Dossier | None) -> bool:
        """Let the jobs look far into the future; say whether something came of that."""
        for pause in (*PAUSES[-1:] * (self.company.last_rounds - 1), LONG * 2):
            self.shop.clock.by += pause
            await self._jobs()
            changed = await self._deliver() or await self.dossier() != before
            if changed or await self.counter.waiting():
                return True
        return False

    # Acts

    async def _act(self, deed: Deed[T]) -> T | None:
        """Let the worker of the moment do something; None where it died of it."""
        counter = self.counter
        try:
            return await counter.worker.do(deed)
        except Died:
            counter.deaths[deed.role] += 1
            counter.worker = counter.worker.successor()
            counter.worker.cut = self.cut
            counter.worker.on_answer = self._answered
            return None

    def _maybe_turn(self, *places: str, times: int = 1) -> None:
        """Let the call at a place go wrong, where the effect says so."""
        what, _, place = self.trouble.partition(" at ")
        if place in places and not self._is_turned:
            self._is_turned = True
            self.company.turn(place, what, times)

    def _key(self, what: str) -> str:
        return self._keys.setdefault(what, new_id("key"))

    def _kept(self, what: str, make: Callable[[], Any]) -> Any:
        """Return what was made for the first time, so that a repeated call says the same."""
        if what not in self._things:
            self._things[what] = make()
        return self._things[what]


def _altered(text: str) -> str:
    """Return a signature, or what ends in one, with another letter near its end."""
    place = len(text) - 8
    return f"{text[:place]}{'b' if text[place] == 'a' else 'a'}{text[place + 1 :]}"
