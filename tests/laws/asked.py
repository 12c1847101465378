"""Commands that may have to wait for a second person, and what second persons do about them."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from tests.laws.commands import Command, Expected, Noted
from tests.laws.eyes import Moved, Rule
from tests.laws.purchases import Deed, Till
from tests.laws.world import World

from guildbank.approvals import Policy, approve, cancel, reject, set_policy
from guildbank.approvals import Rule as PolicyRule
from guildbank.approvals.usecases.decide import Expire
from guildbank.approvals.usecases.end import find
from guildbank.journal import Act
from guildbank.kernel import Refusal

if TYPE_CHECKING:
    from guildbank.wallets.usecases.operate import Operation
    from guildbank.wallets.usecases.operate import Rule as WalletRule

NO_APPROVAL = "apr_01h455vb4pex5vsknk084sn02q"
"""An approval that never was."""
VERBS = {
    "GrantCoins": "wallets.grant", "SpendCoins": "wallets.spend", "ReverseEntry": "wallets.reverse",
}  # fmt: skip


@dataclass(frozen=True)
class Asked(Command):
    """A command by one of several actors: it is done at once, or it waits."""

    inner: Command
    who: int = 0

    def aimed(self, world: World) -> "Asked":
        return replace(self, inner=self.inner.aimed(world))

    def same_verb(self, other: Command) -> bool:
        return (
            isinstance(other, Asked)
            and self.who == other.who
            and (self.inner.same_verb(other.inner))
        )

    def same_request(self, other: Command) -> bool:
        return isinstance(other, Asked) and self.inner.same_request(other.inner)

    def principal(self, world: World) -> str:
        return world.actors[self.who % len(world.actors)]

    def operation(self, world: World) -> "Operation | WalletRule":
        return self.inner.operation(world)

    @property
    def payload(self) -> dict[str, str] | None:
        return self.inner.payload

    def unasked(self, world: World) -> str | None:
        return self.inner.unasked(world)

    @property
    def sent_before(self) -> Command:
        return replace(self, inner=self.inner.sent_before)

    def expect(self, world: World, seq: int) -> Expected:
        trial = deepcopy(world)
        facts = self.inner.expect(trial, seq)
        if isinstance(facts, str):
            return facts
        player, asset, amount = facts["player"], facts["currency"], facts["amount"]
        assert isinstance(player, str)
        assert isinstance(asset, str)
        assert isinstance(amount, int)
        verb = VERBS[type(self.inner).__name__]
        one = Moved(self.principal(world), player, verb, asset, amount, world.now)
        if not world.eyes.asks(world, one):
            return self.inner.expect(world, seq)
        order = world.currencies[asset].order
        less: dict[str, int] = {
            bucket: lost
            for bucket in order
            if (lost := _lost(world, trial, player, asset, bucket)) > 0
        }
        world.eyes.store(world, self, one, less)
        world.still.add(seq)
        return {"verb": verb, "player": player, "amounts": {asset: amount}}

    def done(self, world: World, seq: int) -> Expected:
        """Do it in the model after somebody agreed; words for the person were sealed before."""
        inner = self.inner
        return (replace(inner, note=False) if isinstance(inner, Noted) else inner).expect(
            world, seq
        )


def _lost(before: World, after: World, player: str, asset: str, bucket: str) -> int:
    return before.model.balance(player, asset, bucket) - after.model.balance(player, asset, bucket)


@dataclass(frozen=True)
class SetRules(Deed):
    """A wish for what a second person is wanted for, which needs one too."""

    rules: tuple[Rule, ...]
    who: int = 0

    async def send(self, till: Till, key: str) -> Refusal | None:
        rules = tuple(PolicyRule(verb=v, asset=a, above=n) for v, a, n in self.rules)
        done = await set_policy(till.eyes, till.tenant, till.person(self.who), Policy(rules=rules))
        # The same wish of the same person waits once.
        waits = isinstance(done, Refusal) and done.code == "approval_waits_already"
        return done if isinstance(done, Refusal) and not waits else None


@dataclass(frozen=True)
class Decision(Deed):
    """Somebody decides on a request that waits, or waited."""

    end: ClassVar[str]
    pick: int
    who: int = 0
    approval: str = NO_APPROVAL

    def aimed(self, world: World) -> "Decision":
        ids = list(world.eyes.requests)
        waiting = [one for one in ids if world.eyes.requests[one].state == "pending"]
        among = waiting or ids
        return replace(self, approval=among[-1 - self.pick % len(among)] if among else NO_APPROVAL)

    def by(self, world: World) -> str:
        return world.eyes.people[self.who % len(world.eyes.people)]

    def refusal(self, world: World) -> str | None:
        return world.eyes.refusal(world, self.approval, self.by(world), self.end)


@dataclass(frozen=True)
class Approve(Decision):
    end: ClassVar[str] = "executed"

    async def send(self, till: Till, key: str) -> Refusal | None:
        by = till.person(self.who)
        done = await approve(till.eyes, till, till.tenant, by, self.approval, "seen")
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        refused = super().refusal(world)
        one = world.eyes.requests.get(self.approval)
        if refused is not None or one is None or one.state != "pending":
            return refused
        if one.asked is None:
            return None
        trial = deepcopy(world)
        waits = trial.eyes.requests[self.approval]
        if waits.hold is not None:
            trial.model.free(waits.hold)
        found = one.asked.done(trial, world.last + 2)
        return found if isinstance(found, str) else None


@dataclass(frozen=True)
class Turn(Decision):
    """A no, or a wish taken back by who had it."""

    async def send(self, till: Till, key: str) -> Refusal | None:
        by = till.person(self.who)
        if self.end == "rejected":
            done = await reject(till.eyes, till.tenant, by, self.approval, "no")
        else:
            done = await cancel(till.eyes, till.tenant, by, self.approval)
        return done if isinstance(done, Refusal) else None


@dataclass(frozen=True)
class RejectRequest(Turn):
    end: ClassVar[str] = "rejected"


@dataclass(frozen=True)
class CancelRequest(Turn):
    """Also by game servers, which ask and cannot agree."""

    end: ClassVar[str] = "cancelled"
    machine: bool = False

    async def send(self, till: Till, key: str) -> Refusal | None:
        by = till.principal if self.machine else till.person(self.who)
        done = await cancel(till.eyes, till.tenant, by, self.approval)
        return done if isinstance(done, Refusal) else None

    def by(self, world: World) -> str:
        return world.actors[0] if self.machine else super().by(world)


@dataclass(frozen=True)
class LapseRequest(Decision):
    """What the worker does with a request, whether or not its time is over."""

    end: ClassVar[str] = "expired"

    async def send(self, till: Till, key: str) -> Refusal | None:
        found = await find(till.eyes, till.tenant, self.approval)
        if isinstance(found, Refusal):
            return found
        act: Act = Expire("system", till.tenant, found, till.eyes.rights, till.eyes.reserve)
        done = await till.eyes.journal.submit(till.tenant.schema, act)
        return done if isinstance(done, Refusal) else None

    def by(self, world: World) -> str:
        return "system"

    def refusal(self, world: World) -> str | None:
        one = world.eyes.requests.get(self.approval)
        if one is not None and one.state != "pending":
            # Nobody's answer is lost here: the worker asks nothing twice.
            return "approval_closed"
        return super().refusal(world)
