"""What wallets answer with: views rendered from an entry's facts, now or on replay."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from guildbank.infra.http import View
from guildbank.journal import Receipt
from guildbank.kernel import seq_id
from guildbank.ledger import Hold
from guildbank.wallets.contracts import MovedFacts, RuleFacts

_MOVED = msgspec.json.Decoder(MovedFacts)
_RULE = msgspec.json.Decoder(RuleFacts)


class BucketView(View):
    """How much of the amount one bucket gave or got."""

    __example__: ClassVar = {
        "bucket": "paid",
        "amount": 100,
    }

    bucket: str
    amount: int


class MovedView(View):
    """A movement of coins. `balance` and `available` are over all buckets, afterwards."""

    __example__: ClassVar = {
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
        "amount": 100,
        "balance": 250,
        "available": 250,
        "debt": 0,
    }

    transaction_id: str
    player_id: str
    currency: str
    amount: int
    buckets: Sequence[BucketView]
    balance: int
    available: int
    debt: int
    at: datetime


class HoldView(View):
    """A hold: `left` is what can still be captured or released."""

    __example__: ClassVar = {
        "holdId": "hold_01m7yqwf9ke00800000000003v",
        "amount": 100,
        "left": 100,
        "state": "open",
    }

    hold_id: str
    player_id: str
    currency: str
    amount: int
    left: int
    state: str
    expires_at: datetime


class HoldMovedView(View):
    """What was done to a hold: the movement, and the hold afterwards."""

    __example__: ClassVar = {
        "holdId": "hold_01m7yqwf9ke00800000000003v",
        "left": 100,
        "state": "open",
    }

    transaction: MovedView
    hold_id: str
    left: int
    state: str


class RuleView(View):
    """A rule of a wallet as it was set."""

    __example__: ClassVar = {
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
        "frozen": True,
        "perDay": None,
    }

    transaction_id: str
    player_id: str
    currency: str
    frozen: bool | None
    per_day: int | None
    at: datetime


def moved_view(receipt: Receipt) -> MovedView:
    """Render a spend, grant or reversal."""
    return _moved(receipt, _MOVED.decode(receipt.data))


def _moved(receipt: Receipt, facts: MovedFacts) -> MovedView:
    return MovedView(
        transaction_id=seq_id("txn", receipt.seq, receipt.at),
        player_id=facts.player,
        currency=facts.currency,
        amount=facts.amount,
        buckets=[BucketView(one.bucket, one.amount) for one in facts.taken],
        balance=facts.balance,
        available=facts.available,
        debt=facts.debt,
        at=receipt.at,
    )


def hold_moved_view(receipt: Receipt) -> HoldMovedView:
    """Render a hold placed, captured or released, from its entry."""
    facts = _MOVED.decode(receipt.data)
    placed_at = facts.hold_placed_at or receipt.at
    return HoldMovedView(
        transaction=_moved(receipt, facts),
        hold_id=seq_id("hold", facts.hold or receipt.seq, placed_at),
        left=facts.hold_left or 0,
        state=facts.hold_state or "open",
    )


def hold_view(hold: Hold) -> HoldView:
    """Render a hold as it stands."""
    return HoldView(
        hold_id=seq_id("hold", hold.seq, hold.placed_at),
        player_id=hold.owner,
        currency=hold.asset,
        amount=hold.amount,
        left=hold.left,
        state=hold.state,
        expires_at=hold.expires_at,
    )


def hold_id_of(receipt: Receipt) -> str | None:
    """Return the id of the hold that an entry placed, captured or released, None for others."""
    facts = _MOVED.decode(receipt.data)
    if facts.hold is None:
        return None
    return seq_id("hold", facts.hold, facts.hold_placed_at or receipt.at)


def rule_view(receipt: Receipt) -> RuleView:
    """Render a freeze or a limit."""
    facts = _RULE.decode(receipt.data)
    return RuleView(
        transaction_id=seq_id("txn", receipt.seq, receipt.at),
        player_id=facts.player,
        currency=facts.currency,
        frozen=facts.frozen,
        per_day=facts.per_day,
        at=receipt.at,
    )
