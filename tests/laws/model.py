"""The reference model of an economy: explicit coins, plain lists, obviously right and slow.

A verb returns its result, or a refusal code as a plain string; a refusal changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Literal

from tests.laws.coins import Clawed, Coin, Credit, Hold, Purse, Restored, Spend, State

Refused = str
SpentPolicy = Literal["refuse", "debt", "write_off"]
AmountOf = Callable[[Credit], int]


class Model:
    """All players of one tenant; `orders` gives each currency's buckets in consumption order."""

    # Money that arrived is always credited and coins always come back to their purse, so a freeze
    # stops only what the player sets in motion.
    frozen_refuses = frozenset({"spend", "hold", "capture"})

    def __init__(self, orders: Mapping[str, tuple[str, ...]]) -> None:
        self.orders = dict(orders)
        self.now = 0.0
        self.seq = 0
        self.credits: list[Credit] = []
        self.holds: list[Hold] = []
        self.frozen: set[tuple[str, str]] = set()
        self.barred: dict[str, str] = {}
        self._purses: dict[tuple[str, str, str], Purse] = defaultdict(Purse)
        self._debts: dict[tuple[str, str], int] = defaultdict(int)

    # Credits

    def buy(
        self,
        player: str,
        currency: str,
        amount: int,
        *,
        payment_id: str,
        price_minor: int,
        money: str,
        bucket: str = "paid",
    ) -> Credit | Refused:
        """A captured payment credits its coins; each coin keeps the payment and its price."""
        return self._credit(
            Credit(player, currency, bucket, amount, payment_id, price_minor, money)
        )

    def grant(
        self,
        player: str,
        currency: str,
        amount: int,
        *,
        bucket: str = "free",
        payment_id: str | None = None,
    ) -> Credit | Refused:
        """Coins that cost nothing; the bonus coins of a pack name the payment they came with."""
        return self._credit(Credit(player, currency, bucket, amount, payment_id))

    def _credit(self, credit: Credit) -> Credit | Refused:
        if credit.amount <= 0:
            return "amount_not_positive"
        credit.seq = self.seq
        credit.coins = [Coin(credit, index) for index in range(credit.amount)]
        self.credits.append(credit)
        self._put(credit.player, credit.currency, credit.bucket, credit.coins)
        return credit

    def _put(self, player: str, currency: str, bucket: str, coins: list[Coin]) -> None:
        """Every way into a purse leads through here, so that a debt is repaid at once."""
        self._purses[player, currency, bucket].put(coins)
        self._repay(player, currency, bucket, len(coins))

    def _repay(self, player: str, currency: str, bucket: str, come: int) -> None:
        """Coins that come, or come free, pay no more of a debt than they are.

        They pay it out of the first coins of their bucket.
        """
        purse = self._purses[player, currency, bucket]
        repaid = min(self._debts[player, currency], come, purse.available)
        purse.pop_first(repaid, State.REPAID)
        self._debts[player, currency] -= repaid

    # Spends and holds

    def spend(self, player: str, currency: str, amount: int) -> Spend | Refused:
        """First in, first out within a bucket, buckets in consumption order."""
        plan = self.plan("spend", player, currency, amount)
        if isinstance(plan, str):
            return plan
        return self._pay(player, currency, plan)

    def hold(
        self, player: str, currency: str, amount: int, *, expires_at: float | None = None
    ) -> Hold | Refused:
        """Sets a number of coins aside in the buckets that would pay now."""
        plan = self.plan("hold", player, currency, amount)
        if isinstance(plan, str):
            return plan
        for bucket, count in plan.items():
            self._purses[player, currency, bucket].held += count
        hold = Hold(player, currency, plan, expires_at)
        self.holds.append(hold)
        return hold

    def capture(self, hold: Hold, amount: int | None = None) -> Spend | Refused:
        """Spends held coins; `None` is all that remains. The rest stays held."""
        if amount is not None and amount <= 0:
            return "amount_not_positive"
        if (ended := self.ended(hold)) is not None:
            return ended
        wanted = hold.remaining if amount is None else amount
        if wanted > hold.remaining:
            return "exceeds_hold"
        if (hold.player, hold.currency) in self.frozen and "capture" in self.frozen_refuses:
            return "account_frozen"
        plan = {}
        for bucket, count in hold.reserved.items():
            plan[bucket] = min(count, wanted)
            wanted -= plan[bucket]
        for bucket, count in plan.items():
            hold.reserved[bucket] -= count
            self._purses[hold.player, hold.currency, bucket].held -= count
        return self._pay(hold.player, hold.currency, plan)

    def ended(self, hold: Hold) -> Refused | None:
        """Why nothing more can be done with a hold, None while it is open."""
        if hold.expired or (hold.remaining and self.due(hold)):
            return "hold_expired"
        return None if hold.remaining else "hold_closed"

    def due(self, hold: Hold) -> bool:
        """Whether a hold's time is over; it still binds until the worker has ended it."""
        return hold.expires_at is not None and self.now >= hold.expires_at

    def release(self, hold: Hold) -> int | Refused:
        """Frees what remains and says how much that was."""
        return self.ended(hold) or self.free(hold)

    def expire(self, hold: Hold) -> int | Refused:
        """Ends a hold whose time has come, as the worker does."""
        if hold.remaining and not self.due(hold):
            return "hold_not_due"
        if not hold.remaining:
            return self.ended(hold) or "hold_closed"
        hold.expired = True
        return self.free(hold)

    def free(self, hold: Hold) -> int:
        """Give back what is left of a hold, which repays what the player owes first."""
        freed = dict(hold.reserved)
        for bucket, count in freed.items():
            self._purses[hold.player, hold.currency, bucket].held -= count
            hold.reserved[bucket] = 0
        for bucket, count in freed.items():
            self._repay(hold.player, hold.currency, bucket, count)
        return sum(freed.values())

    def expire_holds(self) -> list[Hold]:
        """What the worker does: ends the holds whose time has come. Until then they still bind."""
        due = [hold for hold in self.holds if hold.remaining and self.due(hold)]
        for hold in due:
            self.expire(hold)
        return due

    def plan(self, verb: str, player: str, currency: str, amount: int) -> dict[str, int] | Refused:
        if amount <= 0:
            return "amount_not_positive"
        if self._debts[player, currency]:
            return "debt_outstanding"
        if player in self.barred:
            return self.barred[player]
        if (player, currency) in self.frozen and verb in self.frozen_refuses:
            return "account_frozen"
        plan: dict[str, int] = {}
        for bucket in self.orders[currency]:
            count = min(amount, self._purses[player, currency, bucket].available)
            if count:
                plan[bucket] = count
                amount -= count
        return "insufficient_funds" if amount else plan

    def _pay(self, player: str, currency: str, plan: dict[str, int]) -> Spend:
        legs = [
            (bucket, self._purses[player, currency, bucket].pop_first(count, State.SPENT))
            for bucket, count in plan.items()
            if count
        ]
        return Spend(player, currency, legs)

    # The way back

    def reverse_spend(self, spend: Spend, amount: int | None = None) -> Restored | Refused:
        """Puts back the earliest-spent coins that no reversal has put back yet.

        They return to the bucket they left, behind the coins there. `None` is all that is left.
        """
        left = spend.amount - spend.reversed
        wanted = left if amount is None else amount
        if amount is not None and amount <= 0:
            return "amount_not_positive"
        if wanted > left or left == 0:
            return "exceeds_original"
        coins = [(bucket, coin) for bucket, leg in spend.legs for coin in leg]
        chosen = coins[spend.reversed : spend.reversed + wanted]
        spend.reversed += wanted
        back: dict[str, list[Coin]] = defaultdict(list)
        for bucket, coin in chosen:
            back[bucket].append(coin)
        for bucket, returned in back.items():
            self._put(spend.player, spend.currency, bucket, returned)
        return Restored({bucket: len(returned) for bucket, returned in back.items()})

    def reverse_grant(self, credit: Credit, amount: int | None = None) -> Clawed | Refused:
        """Takes a grant back, only out of its own coins and only as far as they are unspent."""
        wanted = credit.amount - credit.taken_back if amount is None else amount
        if amount is None and wanted == 0:
            return "exceeds_original"
        return self._claw(credit, wanted, None, refunded_minor=0)

    def refund(
        self,
        credit: Credit,
        coins: int | None = None,
        *,
        policy: SpentPolicy,
        refunded_minor: int | None = None,
    ) -> Clawed | Refused:
        """Takes a purchase's coins back; spent ones are refused, become a debt or are written off.

        `refunded_minor` is the money given back; unset it is the price of the last coins of the
        purchase not yet refunded, so that partial refunds sum to the price. A dispute is a refund
        whose policy is "debt".
        """
        left = credit.amount - credit.taken_back
        wanted = left if coins is None else coins
        if coins is None and left == 0:
            return "exceeds_original"
        if refunded_minor is None and 0 < wanted <= left:
            tail = credit.coins[left - wanted : left]
            refunded_minor = sum(coin.basis_minor for coin in tail)
        return self._claw(credit, wanted, policy, refunded_minor or 0)

    def _claw(
        self, credit: Credit, amount: int, policy: SpentPolicy | None, refunded_minor: int
    ) -> Clawed | Refused:
        if amount <= 0:
            return "amount_not_positive"
        if amount > credit.amount - credit.taken_back:
            return "exceeds_original"
        taken = min(amount, self.clawable(credit))
        if taken < amount and policy not in ("debt", "write_off"):
            return "exceeds_original" if policy is None else "refund_exceeds_unspent"
        purse = self._purses[credit.player, credit.currency, credit.bucket]
        coins = purse.claw_last(credit, taken)
        let_go = amount - taken if policy == "write_off" else 0
        owed = amount - taken - let_go
        self._debts[credit.player, credit.currency] += owed
        credit.taken_back += amount
        credit.refunded_minor += refunded_minor
        return Clawed(tuple(coins), owed, refunded_minor, let_go)

    def set_aside(self, credit: Credit, amount: int) -> tuple[Coin, ...]:
        """Puts the last unspent coins of a credit into suspense, all that is asked for or there is.

        What is asked for counts as taken back: nobody else may take it.
        """
        purse = self._purses[credit.player, credit.currency, credit.bucket]
        coins = purse.claw_last(credit, min(amount, self.clawable(credit)))
        for coin in coins:
            coin.state = State.ASIDE
        credit.taken_back += amount
        return tuple(coins)

    def restore(self, taken: Iterable[tuple[Credit, Clawed]]) -> None:
        """Undoes claw-backs of one player, for a refund that the provider declined after all.

        Debts are struck out first, and what was paid of them meanwhile comes back as free coins;
        then the same coins come back, in the order in which they lay.
        """
        taken = list(taken)
        owed = sum(clawed.debt for _, clawed in taken)
        for owner in {(credit.player, credit.currency) for credit, _ in taken}:
            forgiven = min(owed, self._debts[owner])
            self._debts[owner] -= forgiven
            if owed > forgiven:
                self.grant(*owner, owed - forgiven)
        for credit, clawed in taken:
            credit.taken_back -= len(clawed.coins) + clawed.debt + clawed.written_off
            credit.refunded_minor -= clawed.refunded_minor
            if clawed.coins:
                self._put(credit.player, credit.currency, credit.bucket, list(clawed.coins))

    def put_back(self, player: str, currency: str, bucket: str, coins: list[Coin]) -> None:
        """The very coins come back that a payout took; what is owed is paid of them first."""
        self._put(player, currency, bucket, coins)

    def freeze(self, player: str, currency: str) -> None:
        """Refuses what `frozen_refuses` names in this currency, until unfrozen."""
        self.frozen.add((player, currency))

    def unfreeze(self, player: str, currency: str) -> None:
        """Ends a freeze."""
        self.frozen.discard((player, currency))

    # Questions

    def balance(self, player: str, currency: str, bucket: str | None = None) -> int:
        """Unspent coins, held ones included; of all buckets together without `bucket`."""
        return sum(len(purse.queue) for purse in self._chosen(player, currency, bucket))

    def held(self, player: str, currency: str, bucket: str | None = None) -> int:
        """Coins set aside by holds that have not ended."""
        return sum(purse.held for purse in self._chosen(player, currency, bucket))

    def available(self, player: str, currency: str, bucket: str | None = None) -> int:
        """Balance less what is held."""
        return self.balance(player, currency, bucket) - self.held(player, currency, bucket)

    def debt(self, player: str, currency: str) -> int:
        """Coins owed after a claw-back of spent ones; never negative."""
        return self._debts[player, currency]

    def unspent_coins(self, player: str, currency: str, bucket: str) -> list[Coin]:
        """The coins of one bucket in the order in which they will be spent."""
        return list(self._purses[player, currency, bucket].queue)

    def unspent(self, credit: Credit) -> int:
        """How many coins of a credit are unspent, those put back by a reversal included."""
        return sum(coin.state is State.UNSPENT for coin in credit.coins)

    def clawable(self, credit: Credit) -> int:
        """What a claw-back could take now: unspent, and beside what holds need."""
        purse = self._purses[credit.player, credit.currency, credit.bucket]
        return min(self.unspent(credit), purse.available)

    def purse(self, player: str, currency: str, bucket: str) -> Purse:
        """One bucket of one player."""
        return self._purses[player, currency, bucket]

    def _chosen(self, player: str, currency: str, bucket: str | None) -> list[Purse]:
        buckets = self.orders[currency] if bucket is None else (bucket,)
        return [self._purses[player, currency, name] for name in buckets]

    # Law 2: captured - refunded = unspent + recognised + written off, for each money

    def captured(self) -> dict[str, int]:
        """Money taken for coins, in minor units."""
        return self._sum_by_money(lambda credit: credit.price_minor)

    def refunded(self) -> dict[str, int]:
        """Money given back by refunds and disputes."""
        return self._sum_by_money(lambda credit: credit.refunded_minor)

    def unspent_basis(self, currency: str | None = None) -> dict[tuple[str, Fraction], int]:
        """Deferred revenue by (money, unit price): what the unspent paid coins cost."""
        sums: dict[tuple[str, Fraction], int] = defaultdict(int)
        for credit in self.credits:
            if currency not in (None, credit.currency):
                continue
            for coin in credit.coins:
                if credit.money is not None and coin.state is State.UNSPENT:
                    sums[credit.money, credit.unit_price] += coin.basis_minor
        return dict(sums)

    def recognised_basis(self) -> dict[str, int]:
        """What the coins cost that were spent or paid out, or that paid a debt."""
        return self._basis_by_money({State.SPENT, State.REPAID, State.PAID_OUT})

    def written_off_basis(self) -> dict[str, int]:
        """Basis of clawed coins less money given back: negative where spent coins were refunded."""
        clawed, refunded = self._basis_by_money({State.CLAWED}), self.refunded()
        return {money: clawed[money] - refunded[money] for money in refunded}

    def _basis_by_money(self, states: set[State]) -> dict[str, int]:
        return self._sum_by_money(
            lambda credit: sum(coin.basis_minor for coin in credit.coins if coin.state in states)
        )

    def _sum_by_money(self, amount_of: AmountOf) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for credit in self.credits:
            if credit.money is not None:
                sums[credit.money] += amount_of(credit)
        return dict(sums)
