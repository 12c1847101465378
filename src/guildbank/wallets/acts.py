"""What acts on one player's wallet share: what to load, and the facts that they leave."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from guildbank.journal import Act, Draft, Need, Sealed, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import HOUSE, Book, Hold, close_book
from guildbank.wallets.coins import totals_of
from guildbank.wallets.contracts import DEBT, Gate, MovedFacts, Purse, Spending, Taken
from guildbank.wallets.purses import LIMITS, purse_of, wallet_needs

UNKNOWN_CURRENCY = Refusal(
    code="unknown_currency",
    detail="There is no such currency in this tenant; create it first.",
    field="currency",
)


class WalletAct(Act):
    """An act on the wallet of `player_id` in `currency`."""

    __slots__ = ("currency", "payload", "player_id", "purse_key")

    def __init__(
        self,
        principal: str,
        key: str | None,
        command: Any,
        payload: Sealed | None = None,
    ) -> None:
        super().__init__(principal, key, command)
        self.player_id: str = command.player_id
        self.currency: str = command.currency
        self.purse_key = (self.player_id, self.currency)
        self.payload = payload

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the purse and the accounts."""
        return wallet_needs(self.purse_key)

    def purse(self, stage: Stage) -> Purse | None:
        """Return the loaded purse, None for an unknown currency."""
        return purse_of(stage, self.purse_key)


class GatedAct(WalletAct):
    """An act that gates may veto."""

    rounds = 2
    held: ClassVar[bool] = False
    __slots__ = ("amount", "gates", "spending")

    def __init__(
        self,
        principal: str,
        key: str | None,
        command: Any,
        gates: Sequence[Gate],
        payload: Sealed | None = None,
    ) -> None:
        super().__init__(principal, key, command, payload)
        self.amount: int = command.amount
        self.gates = gates
        self.spending = Spending(self.player_id, self.currency, self.amount, self.held)

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Return the wallet's rows, then what the gates want to read."""
        if not stage.loaded(LIMITS, self.purse_key):
            return wallet_needs(self.purse_key)
        purse = purse_of(stage, self.purse_key)
        if purse is None:
            return ()
        return [need for gate in self.gates for need in gate.needs(stage, self.spending, purse)]

    def pass_gates(self, stage: Stage, purse: Purse) -> tuple[str, ...] | Refusal:
        """Ask every gate; return the counters that counted the amount."""
        counted: list[str] = []
        for gate in self.gates:
            answer = gate.check(stage, self.spending, purse)
            if not isinstance(answer, tuple):
                return answer
            counted.extend(answer)
        return tuple(counted)


def moved_draft(
    stage: Stage,
    book: Book,
    kind: str,
    act: WalletAct,
    amount: int,
    *,
    hold: Hold | None = None,
    original: int | None = None,
) -> Draft:
    """Close the book and return the draft of what it did to the wallet."""
    close_book(stage, book)
    balance, available, debt, _ = totals_of(book, act.player_id, act.currency)
    draft = MovedFacts(
        player=act.player_id,
        currency=act.currency,
        amount=amount,
        taken=_per_bucket(book),
        balance=balance,
        available=available,
        debt=debt,
        payload=act.payload.hash if act.payload else None,
        hold=hold.seq if hold else None,
        hold_left=hold.left if hold else None,
        hold_state=hold.state if hold else None,
        hold_placed_at=hold.placed_at if hold else None,
        expires_at=hold.expires_at if hold else None,
        original=original,
    )
    return Draft(kind, facts(draft), act.payload)


def _per_bucket(book: Book) -> tuple[Taken, ...]:
    """Return what each bucket of the player gave or got, debts aside."""
    sums: dict[str, int] = {}
    for transfer, debit, credit in book.moved:
        owner, _, bucket = credit if debit[0] == HOUSE else debit
        if owner != HOUSE and bucket != DEBT and credit[2] != DEBT:
            sums[bucket] = sums.get(bucket, 0) + transfer.amount
    return tuple(map(Taken, sums, sums.values()))
