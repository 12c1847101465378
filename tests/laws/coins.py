"""The coins of the reference model, each an object, so that nothing about them is arithmetic."""

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction


class State(Enum):
    """What has become of a coin."""

    UNSPENT = "unspent"
    SPENT = "spent"  # by a spend or a capture; a reversed spend makes it unspent again
    REPAID = "repaid"  # it paid a debt
    PAID_OUT = "paid_out"  # its player gets money for it; a payout that fails gives it back
    CLAWED = "clawed"  # a refund, lost dispute or reversed grant took it
    ASIDE = "aside"  # a dispute put it into suspense until it is decided


@dataclass(eq=False)
class Credit:
    """One purchase or grant into one bucket: the first lot of its coins."""

    player: str
    currency: str
    bucket: str
    amount: int
    payment_id: str | None = None
    price_minor: int = 0
    money: str | None = None
    taken_back: int = 0  # refunded or reversed so far, debts included
    refunded_minor: int = 0
    seq: int = 0  # the journal entry that made it
    coins: list["Coin"] = field(default_factory=list, repr=False)

    @property
    def unit_price(self) -> Fraction:
        """Minor units of money for one coin, exactly."""
        return Fraction(self.price_minor, self.amount)


@dataclass(eq=False)
class Coin:
    """One coin: which credit made it, as its which coin, and what has become of it."""

    origin: Credit
    index: int
    state: State = State.UNSPENT
    place: int = 0  # where it came into its purse: the order in which coins lie there

    @property
    def basis_minor(self) -> int:
        """What it cost. Cumulative rounding: the coins of a purchase sum to its price."""
        price, amount = self.origin.price_minor, self.origin.amount
        return price * (self.index + 1) // amount - price * self.index // amount


@dataclass(eq=False)
class Purse:
    """One bucket of one player: its unspent coins in the order they will be spent."""

    queue: list[Coin] = field(default_factory=list)
    held: int = 0
    come: int = 0

    @property
    def available(self) -> int:
        """What is free to leave: held coins stay until their hold is captured or ends."""
        return len(self.queue) - self.held

    def put(self, coins: list[Coin]) -> None:
        """Coins come in behind those that are there."""
        for coin in coins:
            coin.state, coin.place = State.UNSPENT, self.come
            self.come += 1
        self.queue.extend(coins)

    def pop_first(self, count: int, state: State) -> list[Coin]:
        """First in, first out."""
        assert 0 <= count <= len(self.queue)
        coins, self.queue = self.queue[:count], self.queue[count:]
        for coin in coins:
            coin.state = state
        return coins

    def claw_last(self, origin: Credit, count: int) -> list[Coin]:
        """Take the last coins of one credit, and leave every other coin where it is."""
        coins = [coin for coin in self.queue if coin.origin is origin]
        assert 0 <= count <= len(coins)
        taken = coins[len(coins) - count :]
        self.queue = [coin for coin in self.queue if coin not in taken]
        for coin in taken:
            coin.state = State.CLAWED
        return taken


@dataclass(eq=False)
class Spend:
    """A spend or a capture: (bucket, coins) in the order they were used."""

    player: str
    currency: str
    legs: list[tuple[str, list[Coin]]]
    reversed: int = 0

    @property
    def amount(self) -> int:
        """How many coins were spent, reversed or not."""
        return sum(len(coins) for _, coins in self.legs)

    @property
    def per_bucket(self) -> dict[str, int]:
        """How many coins each bucket gave."""
        return {bucket: len(coins) for bucket, coins in self.legs}

    @property
    def payments(self) -> list[tuple[str | None, int]]:
        """(payment or None for free coins, number of coins) in order of spending, runs joined."""
        runs: list[tuple[str | None, int]] = []
        for _, coins in self.legs:
            for coin in coins:
                payment = coin.origin.payment_id
                if runs and runs[-1][0] == payment:
                    runs[-1] = (payment, runs[-1][1] + 1)
                else:
                    runs.append((payment, 1))
        return runs


@dataclass(eq=False)
class Hold:
    """Coins set aside by number: which coins they are shows only when they are captured."""

    player: str
    currency: str
    reserved: dict[str, int]  # bucket -> how many, in consumption order
    expires_at: float | None = None
    expired: bool = False

    @property
    def remaining(self) -> int:
        """What can still be captured."""
        return sum(self.reserved.values())


@dataclass(frozen=True)
class Clawed:
    """What a claw-back took: coins from the purse; those already spent are owed or written off."""

    coins: tuple[Coin, ...]
    debt: int
    refunded_minor: int
    written_off: int = 0


@dataclass(frozen=True)
class Restored:
    """What a reversed spend put back, by bucket, before any debt was repaid from it."""

    per_bucket: dict[str, int]
