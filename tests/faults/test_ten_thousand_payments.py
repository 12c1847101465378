"""Ten thousand payments at a careless company: its books and ours agree to the last minor unit.

Answers get lost, money comes late, less, or after a cancel; events come twice, in any order and
before their payment; refunds race spends, disputes and each other. What each payment meets follows
from GUILDBANK_PAYMENTS_SEED, which a failure prints; how they interleave does not. All ten thousand
run where GUILDBANK_LAWS is `long`, else two thousand of them.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass, field
from secrets import randbelow
from typing import Any

import msgspec
import pytest
from tests.faults.careless import MANIFEST, PAYMENT_FATES, Careless
from tests.house import House, open_house
from tests.laws.test_laws import LONG
from tests.payments.shop import Shop, open_shop

from guildbank.infra.postgres import Cluster
from guildbank.journal import Unavailable
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import prove
from guildbank.payments.balances import BALANCES
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.payments.usecases.refund import refund_payment
from guildbank.plugin_api import EventKind, ProviderEvent
from guildbank.wallets.contracts import Spend
from guildbank.wallets.usecases.spend import SpendAct

TITLE = "ten thousand payments at a careless company"
PAYMENTS = 10_000 if LONG else int(os.environ.get("GUILDBANK_PAYMENTS", "2000"))
AT_ONCE = 24
PLAYERS = 300
PRICE, COINS, BONUS = 499, 500, 50
ROUNDS = 400
"""How often time passes at the end, before what is still open counts as stuck."""
ENDS = {"credited", "failed", "canceled", "expired", "conflicted"}


@dataclass
class Plan:
    """What a payment meets, and what its player and others do about it."""

    number: int
    player: int
    fate: str
    twice: bool
    tries_again: bool
    cancels: bool
    told: int
    spends: tuple[int, ...]
    refunds: tuple[int, ...]
    dashboard: int
    disputed: int
    won: bool

    @classmethod
    def draw(cls, number: int, dice: random.Random) -> "Plan":
        fates = dice.choices(list(PAYMENT_FATES), list(PAYMENT_FATES.values()))
        return cls(
            number=number,
            player=dice.randrange(PLAYERS),
            fate=fates[0],
            twice=dice.random() < 0.15,
            tries_again=dice.random() < 0.7,
            cancels=fates[0] in ("paid_after_cancel", "canceled") or dice.random() < 0.04,
            # Of money that comes after a confirmed cancel only an event, or a report, can tell.
            told=dice.choice((0, 1, 1, 2, 3)) or int(fates[0] == "paid_after_cancel"),
            spends=tuple(dice.randint(1, 550) for _ in range(dice.choice((0, 0, 1, 2)))),
            refunds=tuple(dice.randint(1, PRICE) for _ in range(dice.choice((0, 0, 0, 1, 2)))),
            dashboard=dice.choice((0,) * 12 + (100,)),
            disputed=dice.choice((0,) * 10 + (PRICE, 200)),
            won=dice.random() < 0.5,
        )


@dataclass
class Story:
    """A shop at the company, and what was refused on the way."""

    shop: Shop
    company: Careless
    players: Sequence[str]
    dice: random.Random
    refused: Counter[str] = field(default_factory=Counter)
    helped: int = 0

    async def live(self, plan: Plan) -> None:
        """Let the plan happen."""
        intent = await self._buy(plan)
        if intent is None:
            return
        if plan.cancels:
            await self._count(
                cancel_payment(self.shop.payments, self.shop.tenant, "app", intent.id)
            )
        if plan.tries_again and await self.shop.state(intent) == "requires_payment_method":
            await self._count(self.shop.retry(intent))
        dossier = await self.shop.dossier(intent)
        acts: list[Awaitable[object]] = []
        for attempt in dossier.attempts:
            acts += [self._told(EventKind.PAYMENT, attempt) for _ in range(plan.told)]
        if dossier.intent.state == "credited":
            acts += self._afterwards(plan, dossier.intent, dossier.attempts[-1])
        self.dice.shuffle(acts)
        await asyncio.gather(*acts)

    async def _buy(self, plan: Plan) -> Intent | None:
        player, key = self.players[plan.player], f"buy-{plan.number}"

        async def buy() -> Intent | Refusal:
            while True:
                try:
                    return await self.shop.try_buying(
                        player, key, provider=MANIFEST.id, method=plan.fate
                    )
                except Unavailable:
                    # The same key asks for the same purchase until somebody answers.
                    await asyncio.sleep(0.5)

        made = await asyncio.gather(*(buy() for _ in range(1 + plan.twice)))
        intents = [one for one in made if not isinstance(one, Refusal)]
        self.refused.update(one.code for one in made if isinstance(one, Refusal))
        assert len({one.id for one in intents}) <= 1, "one key, one payment"
        return intents[0] if intents else None

    def _afterwards(self, plan: Plan, intent: Intent, attempt: Attempt) -> list[Awaitable[object]]:
        acts: list[Awaitable[object]] = [self._spend(intent.player_id, n) for n in plan.spends]
        acts += [self._count(self.shop.refund(intent, minor)) for minor in plan.refunds]
        if plan.dashboard:
            acts.append(self._dashboard(attempt, plan))
        if plan.disputed:
            acts.append(self._dispute(attempt, plan))
        return acts

    async def _spend(self, player: str, amount: int) -> None:
        act = SpendAct("app", new_id("key"), Spend(player, "GEM", amount), ())
        await self._count(self.shop.house.journal.submit(self.shop.tenant.schema, act))

    async def _dashboard(self, attempt: Attempt, plan: Plan) -> None:
        name = f"dash-{plan.number}"
        if self.company.give_back(attempt.id, plan.dashboard, name):
            for _ in range(2):
                await self._told(EventKind.REFUND, attempt, refund_reference=f"re_{name}")

    async def _dispute(self, attempt: Attempt, plan: Plan) -> None:
        taken = self.company.withdraw(attempt.id, plan.disputed)
        if not taken:
            return
        kinds = [EventKind.DISPUTE_OPENED, EventKind.DISPUTE_FUNDS_WITHDRAWN]
        if plan.won:
            self.company.reinstate(attempt.id, taken)
            kinds.append(EventKind.DISPUTE_FUNDS_REINSTATED)
        kinds.append(EventKind.DISPUTE_CLOSED)
        told = [(kind, new_id("evt")) for kind in kinds]
        told += self.dice.sample(told, 2)
        self.dice.shuffle(told)
        for kind, id_ in told:
            await self._told(
                kind, attempt, external_id=id_, dispute_reference=f"dp-{plan.number}",
                amount_minor=taken, currency="EUR",
                won=plan.won if kind is EventKind.DISPUTE_CLOSED else None,
            )  # fmt: skip

    async def _told(self, kind: EventKind, attempt: Attempt, **said: Any) -> None:
        about: dict[str, Any] = {"attempt_id": attempt.id, "payment_reference": attempt.reference}
        event = ProviderEvent(
            external_id=said.pop("external_id", None) or new_id("evt"), kind=kind,
            **{**about, **said},
        )  # fmt: skip
        body = msgspec.json.encode(event)
        heard = await receive_webhook(
            self.shop.payments, self.shop.tenant.slug, MANIFEST.id, {}, body
        )
        assert not isinstance(heard, Refusal), heard

    async def _count(self, call: Awaitable[object]) -> None:
        """Await what may be refused, and may find no place in the queue: nothing is sent again."""
        try:
            done = await call
        except Unavailable:
            self.refused["unavailable"] += 1
            return
        if isinstance(done, Refusal):
            self.refused[done.code] += 1

    async def settle(self) -> int:
        """Let time pass until nothing is open any more; return how often it had to."""
        await self.shop.payments.drain()
        self.company.wake()
        payments, tenant = self.shop.payments, self.shop.tenant
        for number in range(ROUNDS):
            looked = await self.shop.later(hours=2)
            swept = await sweep_webhooks(payments, tenant)
            ended = await expire_payments(payments, tenant)
            helped = await self._help()
            await payments.drain()
            if not (looked or swept or ended or helped) and not await self.open():
                return number
        raise AssertionError(f"still open: {await self.open()}")

    async def _help(self) -> int:
        """Do what an operator does where a refund of money that bought nothing was declined."""
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            rows = await tx.driver.fetch(DECLINED_ASIDE)
        for row in rows:
            command = RefundCommand(
                payment_id=row["payment_id"], amount_minor=None, money=None, reason="once more",
                attempt_id=row["id"],
            )  # fmt: skip
            key = new_id("key")
            await self._count(
                refund_payment(self.shop.payments, self.shop.tenant, "op", key, command)
            )
            self.helped += 1
        return len(rows)

    async def open(self) -> list[tuple[str, int]]:
        """Return how many of what is still under way."""
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            rows = await tx.driver.fetch(STILL_OPEN)
        return [(row[0], row[1]) for row in rows]


STILL_OPEN = """
SELECT 'payment ' || state, count(*) FROM payments_intent
WHERE state NOT IN ('credited', 'failed', 'canceled', 'expired', 'conflicted')
GROUP BY state
UNION ALL
SELECT 'attempt ' || state, count(*) FROM payments_attempt
WHERE state IN ('created', 'pending', 'unknown')
GROUP BY state
UNION ALL
SELECT 'refund ' || state, count(*) FROM payments_refund
WHERE state IN ('created', 'pending', 'unknown')
GROUP BY state
UNION ALL
SELECT 'event', count(*) FROM payments_webhook WHERE processed_at IS NULL HAVING count(*) > 0
"""
DECLINED_ASIDE = """
SELECT id, payment_id
FROM payments_attempt AS attempt
WHERE applied = 'unapplied'
  AND captured_minor > refunded_minor + refunding_minor + disputed_minor
  AND EXISTS (SELECT FROM payments_refund WHERE attempt_id = attempt.id)
"""
CREDITS = "SELECT data FROM journal_entry WHERE kind = 'payments.credited'"
WITHOUT_ATTEMPT = """
SELECT state FROM payments_intent AS intent
WHERE NOT EXISTS (SELECT FROM payments_attempt WHERE payment_id = intent.id)
"""
# By payment: what the company took and holds must be what we say of it.
OURS = """
SELECT intent.id, intent.state, attempt.id AS attempt, attempt.applied,
       attempt.captured_minor, attempt.refunded_minor, attempt.disputed_minor,
       attempt.refunding_minor
FROM payments_intent AS intent
JOIN payments_attempt AS attempt ON attempt.payment_id = intent.id
"""


async def compare(story: Story) -> Counter[str]:
    """Hold every payment against the company's books; return how they ended."""
    shop, charges = story.shop, dict(story.company.charges)
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch(OURS)
        without = await tx.driver.fetch(WITHOUT_ATTEMPT)
        told = await tx.driver.fetch(CREDITS)
    credited_of = Counter(msgspec.json.decode(row["data"])["payment"] for row in told)
    ends: Counter[str] = Counter(row["state"] for row in without)
    by_payment: dict[str, list[Any]] = {}
    for row in rows:
        by_payment.setdefault(row["id"], []).append(row)
    for payment, attempts in by_payment.items():
        state = attempts[0]["state"]
        assert state in ENDS, (payment, state)
        ends[state] += 1
        credited = 0
        for one in attempts:
            charge = charges.pop(one["attempt"], None)
            theirs = (0, 0, 0) if charge is None else (
                charge.minor, charge.refunded, charge.disputed,
            )  # fmt: skip
            ours = (one["captured_minor"], one["refunded_minor"], one["disputed_minor"])
            assert ours == theirs, (payment, one["attempt"], one["state"], ours, theirs)
            assert one["refunding_minor"] == 0, payment
            if one["applied"] == "credited":
                credited += 1
            else:
                assert charge is None or charge.left == 0, (payment, "money that bought nothing")
        assert credited == (state == "credited"), (payment, state, credited)
        assert credited_of[payment] == credited, (payment, "entries", credited_of[payment])
    assert not charges, f"the company charged what we know nothing of: {charges}"
    return ends


@pytest.fixture
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_ten_thousand")
    async with open_house(url, tmp_path_factory.mktemp("ten-thousand")) as house:
        yield house


@pytest.mark.timeout(0)
async def test_the_companys_books_and_ours_agree(house: House, tally: Counter[str]) -> None:
    seed = int(os.environ.get("GUILDBANK_PAYMENTS_SEED") or randbelow(2**32))
    print(f"replay with GUILDBANK_PAYMENTS_SEED={seed}")
    dice = random.Random(seed)
    company = Careless(random.Random(seed + 1))
    shop = await open_shop(house, spent_coins="debt", plugins=((MANIFEST.id, company),))
    made = await configure_provider(shop.payments, shop.tenant, MANIFEST.id, {}, enabled=True)
    assert not isinstance(made, Refusal), made
    story = Story(shop, company, [await shop.player() for _ in range(PLAYERS)], dice)
    plans = [Plan.draw(number, dice) for number in range(PAYMENTS)]
    waiting = iter(plans)

    async def work() -> None:
        for plan in waiting:
            await story.live(plan)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    rounds = await story.settle()
    ends = await compare(story)
    money = await shop.money()
    assert money["provider:careless"] == -company.holds
    assert money.get("unapplied", 0) == 0
    assert money.get("refunding", 0) == 0
    proof = await prove(house.db, shop.tenant.schema, BALANCES)
    assert proof.ok, proof.problems
    tally["payments begun"] += PAYMENTS
    for fate, count in Counter(plan.fate for plan in plans).most_common():
        tally[f"  of these {fate}"] += count
    for end, count in ends.most_common():
        tally[f"ended {end}"] += count
    tally["refunds at the company"] += len(company.refunds)
    tally["charges disputed or won"] += sum(1 for plan in plans if plan.disputed)
    tally["refused on the way, by reason"] += sum(story.refused.values())
    tally["refunds that an operator tried once more"] += story.helped
    tally["rounds of two hours until nothing was open"] += rounds
