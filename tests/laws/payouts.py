"""The commands of payouts, and lines of what the bank kept, as the simulation draws them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.laws.bank import BANK
from tests.laws.purchases import Deed, OnSale, PaymentCommand, Till
from tests.laws.till import MONEY
from tests.laws.world import World

from guildbank.kernel import Refusal
from guildbank.payments.contracts.payouts import PayoutCommand
from guildbank.payments.contracts.reports import Line, LineState
from guildbank.payments.usecases.book_fee import BookFee
from guildbank.payments.usecases.payouts.decide import (
    approve_payout,
    cancel_payout,
    reject_payout,
)
from guildbank.payments.usecases.payouts.destinations import add_destination
from guildbank.payments.usecases.payouts.request import request_payout
from guildbank.plugin_api import OutcomeStatus

NO_PLACE, NO_PAYOUT = "pod_01h455vb4pex5vsknk084sn02q", "pyo_01h455vb4pex5vsknk084sn02q"
"""Such as never were."""
READ = datetime(2031, 5, 4, tzinfo=UTC)


@dataclass(frozen=True)
class AddPlace(Deed):
    """A player says where money is to go; for a while nothing is paid there."""

    player: int
    fate: str
    player_id: str = ""

    def aimed(self, world: World) -> "AddPlace":
        return replace(self, player_id=world.player(self.player))

    async def send(self, till: Till, key: str) -> Refusal | None:
        made = await add_destination(
            till.payments, till.tenant, till.principal, self.player_id, BANK, {"fate": self.fate}
        )
        return made if isinstance(made, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.desk.place_refusal(world, self.player_id)


@dataclass(frozen=True)
class AskPayout(PaymentCommand):
    """A player wants money for coins, now and then at somebody else's place."""

    player: int
    currency: str
    coins: int
    pick: int
    foreign: bool = False
    player_id: str = ""
    place: str = NO_PLACE

    def aimed(self, world: World) -> "AskPayout":
        player_id = world.player(self.player)
        places = [
            name
            for name, one in world.desk.places.items()
            if self.foreign or one.player == player_id
        ]
        place = places[self.pick % len(places)] if places else NO_PLACE
        return replace(self, player_id=player_id, place=place)

    async def send(self, till: Till, key: str) -> Refusal | None:
        command = PayoutCommand(
            player_id=self.player_id, currency=self.currency, coins=self.coins,
            destination_id=self.place,
        )  # fmt: skip
        made = await request_payout(till.payments, till.tenant, till.principal, key, command)
        return made if isinstance(made, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.desk.ask_refusal(world, self.player_id, self.currency, self.coins, self.place)


@dataclass(frozen=True)
class OnPayout(PaymentCommand):
    """Something about a payout."""

    pick: int
    payout: str = NO_PAYOUT

    def aimed(self, world: World) -> "OnPayout":
        known = list(world.desk.payouts)
        return replace(self, payout=known[-1 - self.pick % len(known)]) if known else self


@dataclass(frozen=True)
class DecidePayout(OnPayout):
    """A person agrees or does not, or the player takes it back."""

    after: str = "requested"

    def aimed(self, world: World) -> "OnPayout":
        waiting = [name for name, one in world.desk.payouts.items() if one.state == "waiting"]
        if not waiting:
            return super().aimed(world)
        return replace(self, payout=waiting[-1 - self.pick % len(waiting)])

    async def send(self, till: Till, key: str) -> Refusal | None:
        to = till.payments, till.tenant, till.principal
        match self.after:
            case "requested":
                done: object = await approve_payout(*to, key, self.payout, "seen")
            case "rejected":
                done = await reject_payout(*to, key, self.payout, "no")
            case _:
                done = await cancel_payout(*to, self.payout)
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.desk.decide_refusal(world, self.payout, self.after)


@dataclass(frozen=True)
class PayoutTurns(OnPayout):
    """The bank moves a payout on in its books, or lies about one that it paid, and tells of it."""

    to: str = "processed"
    lie: str | None = None

    async def send(self, till: Till, key: str) -> Refusal | None:
        # An event that is delivered again tells of nothing new.
        if till.bank.is_new(f"{till.tenant.slug}/{key}"):
            if self.lie is None:
                till.bank.turn(self.payout, self.to)
            else:
                till.bank.lies[self.payout] = OutcomeStatus(self.lie)
        return await till.tell({"external_id": key, "kind": "payout", "payout_id": self.payout})


@dataclass(frozen=True)
class KeepFee(OnSale):
    """A line of the bank's report: what it kept of a payment, or gave back of that."""

    which: int = 0
    minor: int = 1

    @property
    def transaction(self) -> str:
        """The bank's name for it, under which it says now and then something else."""
        return f"txn_{self.payment}_{self.which}"

    async def send(self, till: Till, key: str) -> Refusal | None:
        line = Line(
            reconciliation_id="rec_1", number=1, transaction=self.transaction, kind="fee", at=READ,
            money=MONEY, gross_minor=0, fee_minor=self.minor, net_minor=-self.minor,
            attempt_id=None, refund_id=None, reference=None, payment_reference=None, payout=None,
            state=LineState.FEE, payment_id=self.payment, ours_minor=None, looked=False,
            fee_seq=None,
        )  # fmt: skip
        done = await till.payments.journal.submit(till.tenant.schema, BookFee(BANK, line))
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.till.fee_refusal(self.transaction, self.minor)
