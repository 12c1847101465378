"""What the model of the laws knows of disputes: coins wait in suspense until one is decided."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from tests.laws.coins import Clawed, Credit, State
from tests.laws.sales import Sale, Taken, Told, compare

from guildbank.tenancy import SpentCoins

if TYPE_CHECKING:
    from tests.laws.world import World


class Disputing(ABC):
    """The part of the till that follows disputes. `was_moved` says it of the last entry."""

    policy: str
    sales: dict[str, Sale]
    provider: int
    unapplied: int
    taxes: int
    fees: int
    was_moved: bool

    @abstractmethod
    def _take(self, world: "World", sale: Sale, amount: int, told: Told) -> Taken: ...

    @abstractmethod
    def _untake(self, world: "World", sale: Sale, taken: Taken) -> tuple[int, int]: ...

    def suspense(self) -> int:
        """Money behind coins in suspense, less what was withdrawn for them already."""
        return sum(
            one.basis - (one.amount if one.withdrawn else 0)
            for sale in self.sales.values()
            for one in sale.disputes.values()
            if one.state == "aside"
        )

    def _dispute_opened(self, world: "World", told: Told) -> None:
        sale, dispute = self._disputed(told)
        assert dispute.state == "open", told
        self.was_moved = bool(sale.lots)
        if sale.lots:
            self._set_aside(world, sale, dispute, told["amount"])
            _in_suspense(dispute, told)

    def _dispute_funds_withdrawn(self, world: "World", told: Told) -> None:
        sale, dispute = self._disputed(told)
        amount = told["amount"]
        assert not dispute.withdrawn, told
        self.was_moved = True
        self.provider -= amount
        if not sale.lots:
            taken = sale.disputes[told["reference"]] = self._take(world, sale, amount, told)
            taken.state, taken.withdrawn, taken.decided = "gone", True, dispute.decided
            compare(taken, told)
            return
        if dispute.state == "aside" and dispute.amount != amount:
            self._release(world, sale, dispute)
        if dispute.state != "aside":
            self._set_aside(world, sale, dispute, amount)
        dispute.withdrawn = True
        sale.aside -= amount
        sale.back += amount
        sale.undecided += amount
        if dispute.decided == "lost":
            self._condemn(world, sale, dispute, told)
        else:
            _in_suspense(dispute, told)

    def _dispute_funds_reinstated(self, world: "World", told: Told) -> None:
        sale, dispute = self._disputed(told)
        assert dispute.withdrawn, told
        assert dispute.state in ("aside", "gone"), told
        self.was_moved = True
        self.provider += dispute.amount
        if dispute.state == "aside":
            sale.back -= dispute.amount
            sale.undecided -= dispute.amount
            sale.aside += dispute.amount
            self._release(world, sale, dispute)
        else:
            self._untake(world, sale, dispute)
        dispute.state = "restored"

    def _dispute_closed(self, world: "World", told: Told) -> None:
        sale, dispute = self._disputed(told)
        dispute.decided = told["state"]
        sale.open_disputes.discard(told["reference"])
        lost = dispute.decided == "lost"
        self.was_moved = dispute.state == "aside" and lost == dispute.withdrawn
        if not self.was_moved:
            return
        if lost:
            self._condemn(world, sale, dispute, told)
        else:
            self._release(world, sale, dispute)
            dispute.state = "open"

    def _disputed(self, told: Told) -> tuple[Sale, Taken]:
        sale, reference = self.sales[told["payment"]], told["reference"]
        if reference not in sale.disputes:
            sale.disputes[reference] = Taken(told["amount"], state="open")
            sale.open_disputes.add(reference)
        return sale, sale.disputes[reference]

    def _set_aside(self, world: "World", sale: Sale, dispute: Taken, amount: int) -> None:
        """Put what is due and unspent into suspense; all of it is claimed."""
        dues = sale.dues(sale.back + amount)
        sale.aside += amount
        dispute.amount, dispute.state = amount, "aside"
        dispute.coins, dispute.clawed = {}, {}
        for bucket, lot in sale.lots.items():
            sale.claimed[bucket] += dues[bucket]
            dispute.coins[bucket] = dues[bucket]
            dispute.clawed[bucket] = Clawed(world.model.set_aside(lot, dues[bucket]), 0, 0)

    def _release(self, world: "World", sale: Sale, dispute: Taken) -> None:
        """Give back what nobody else claims; those claim the rest of the coins for good."""
        sale.aside -= dispute.amount
        back: list[tuple[Credit, Clawed]] = []
        for bucket, lot in sale.lots.items():
            count = sale.free_again(bucket, dispute.coins[bucket])
            sale.claimed[bucket] -= count
            coins = dispute.clawed[bucket].coins
            for coin in coins[count:]:
                coin.state = State.CLAWED
            lot.taken_back -= count - len(coins[:count])
            back.append((lot, Clawed(coins[:count], 0, 0)))
        dispute.state, dispute.coins, dispute.clawed = "open", {}, {}
        world.model.restore(back)

    def _condemn(self, world: "World", sale: Sale, dispute: Taken, told: Told) -> None:
        """Take what lies in suspense for good, and what else is due, by the policy."""
        sale.undecided -= dispute.amount
        before, after = sale.beside(sale.settled - dispute.amount), sale.beside(sale.settled)
        dispute.taxes, dispute.fees = after[0] - before[0], after[1] - before[1]
        self.taxes -= dispute.taxes
        self.fees -= dispute.fees
        rest = {}
        for bucket, lot in sale.lots.items():
            found, claim = dispute.clawed[bucket].coins, dispute.coins[bucket]
            sale.claimed[bucket] -= claim
            lot.taken_back -= claim - len(found)
            due = max(sale.dues(sale.back)[bucket], len(found))
            rest[bucket] = due - len(found)
        named = tuple(one["sword"] for one in told.get("items", ()))
        assert world.armoury.take(world, sale.lots, rest, named) == named, told
        policy: SpentCoins = "write_off" if self.policy == "write_off" else "debt"
        for bucket, lot in sale.lots.items():
            found = dispute.clawed[bucket].coins
            more = Clawed((), 0, 0)
            if rest[bucket]:
                clawed = world.model.refund(lot, rest[bucket], policy=policy, refunded_minor=0)
                assert isinstance(clawed, Clawed), clawed
                more = clawed
            for coin in found:
                coin.state = State.CLAWED
            coins = sorted((*found, *more.coins), key=lambda coin: coin.place)
            minor = dispute.amount - dispute.taxes - dispute.fees if bucket == "paid" else 0
            lot.refunded_minor += minor
            dispute.coins[bucket] = len(found) + rest[bucket]
            sale.claimed[bucket] += dispute.coins[bucket]
            dispute.clawed[bucket] = Clawed(tuple(coins), more.debt, minor, more.written_off)
        dispute.state = "gone"
        compare(dispute, told)


def _in_suspense(dispute: Taken, told: Told) -> None:
    """An entry names the coins that it put aside, and that nothing is owed for others yet."""
    coins = [len(dispute.clawed[one].coins) if one in dispute.clawed else 0
             for one in ("paid", "bonus")]  # fmt: skip
    assert [told["coins"], told["bonus"]] == coins, (told, coins)
    assert (told["owed"], told.get("writtenOff", 0), told["basis"]) == (0, 0, dispute.basis), told
    assert told["inSuspense"] is True, told
