"""Change a rule of a wallet: freeze it, or limit what is spent per day."""

from collections.abc import Iterable
from datetime import timedelta

from guildbank.journal import COUNTERS, Counter, Draft, Need, Sealed, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import BARS, close_book, open_book
from guildbank.wallets.acts import UNKNOWN_CURRENCY, WalletAct
from guildbank.wallets.contracts import BUCKETS, Freeze, RuleFacts, SetLimit, wallet
from guildbank.wallets.gates import counter_name, day_of
from guildbank.wallets.purses import LIMITS, SPENT_SINCE, SpentKey

FROZEN = "wallets.frozen"
UNFROZEN = "wallets.unfrozen"
LIMIT_SET = "wallets.limit_set"

NO_PLAYER = Refusal(code="unknown_account", detail="There is no such player.", field="playerId")


class FreezeAct(WalletAct):
    """Stop debits and holds in all buckets; credits and claw-backs still post."""

    verb = "wallets.freeze"
    __slots__ = ("frozen", "reason")

    def __init__(
        self,
        principal: str,
        key: str | None,
        command: Freeze,
        reason: str,
        payload: Sealed | None = None,
    ) -> None:
        super().__init__(principal, key, command, payload)
        self.frozen = command.frozen
        self.reason = reason

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Mark the accounts; refused: unknown_currency, unknown_account."""
        if self.purse(stage) is None:
            return UNKNOWN_CURRENCY
        book = open_book(stage)
        before = {}
        for bucket in BUCKETS:
            account = book.own(wallet(self.player_id, self.currency, bucket))
            if account.problem not in (None, *BARS):
                return NO_PLAYER
            before[bucket] = account.frozen is not None
            account.frozen = self.reason if self.frozen else None
            account.ruled = True
        close_book(stage, book)
        done = RuleFacts(
            player=self.player_id,
            currency=self.currency,
            frozen=self.frozen,
            payload=self.payload.hash if self.payload else None,
        )
        kind = FROZEN if self.frozen else UNFROZEN
        return Draft(kind, facts(done), self.payload, before={"frozen": before})


class SetLimitAct(WalletAct):
    """Limit spending per UTC day, from now on and with what was spent today."""

    verb = "wallets.limit"
    rounds = 2
    __slots__ = ("per_day",)

    def __init__(self, principal: str, key: str | None, command: SetLimit) -> None:
        super().__init__(principal, key, command)
        self.per_day = command.per_day

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the wallet, then, when the batch has its time, what was spent on that day."""
        if not stage.loaded(LIMITS, self.purse_key):
            return super().needs(stage)
        return [(SPENT_SINCE, self._spent_key(stage)), self._counter(stage)]

    def _spent_key(self, stage: Stage) -> SpentKey:
        return SpentKey(self.player_id, self.currency, day_of(stage.now))

    def _counter(self, stage: Stage) -> Need:
        return COUNTERS, counter_name(self.player_id, self.currency, stage.now)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Set the limit; refused: unknown_currency, unknown_account."""
        if self.purse(stage) is None:
            return UNKNOWN_CURRENCY
        account = open_book(stage).account(wallet(self.player_id, self.currency, "free"))
        if account.problem not in (None, *BARS):
            return NO_PLAYER
        before = {"perDay": stage.get(LIMITS, self.purse_key)}
        stage.put(LIMITS, self.purse_key, self.per_day)
        spent = stage.get(SPENT_SINCE, self._spent_key(stage)) or 0
        name = self._counter(stage)[1]
        stage.put(COUNTERS, name, Counter(spent, day_of(stage.now) + timedelta(days=40)))
        done = RuleFacts(player=self.player_id, currency=self.currency, per_day=self.per_day)
        return Draft(LIMIT_SET, facts(done), before=before)
