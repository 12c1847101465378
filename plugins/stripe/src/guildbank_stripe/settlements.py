"""What Stripe settled: its balance transactions as the lines of a report.

https://docs.stripe.com/api/balance_transactions/list ; what a line is about is said by its
reporting category, https://docs.stripe.com/reports/reporting-categories .
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from stripe import StripeClient
from stripe.params import BalanceTransactionListParams

from guildbank.plugin_api import Settlement, SettlementKind, SettlementPage
from guildbank_stripe.amounts import from_stripe
from guildbank_stripe.objects import ATTEMPT, PAYOUT, REFUND, read
from guildbank_stripe.settings import Settings

_PAGE = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_KINDS: Mapping[str, SettlementKind] = {
    "charge": SettlementKind.CAPTURE,
    # Money of a slow method that did not come after all: a capture of less than nothing.
    "charge_failure": SettlementKind.CAPTURE,
    "refund": SettlementKind.REFUND,
    "dispute": SettlementKind.DISPUTE,
    "dispute_reversal": SettlementKind.DISPUTE,
    "fee": SettlementKind.FEE,
    "payout": SettlementKind.PAYOUT,
    "payout_reversal": SettlementKind.PAYOUT,
    "transfer": SettlementKind.PLAYER_PAYOUT,
    "transfer_reversal": SettlementKind.PLAYER_PAYOUT,
}
"""Any other category, such as reserves and top-ups, is an adjustment."""


class _Expanded(msgspec.Struct, frozen=True):
    id: str


class _Source(msgspec.Struct, frozen=True):
    """The charge, refund, dispute, payout, transfer or its reversal behind a line."""

    id: str
    metadata: dict[str, str] | None = None
    payment_intent: str | _Expanded | None = None
    transfer: str | _Expanded | None = None


class _Line(msgspec.Struct, frozen=True):
    """A balance transaction (https://docs.stripe.com/api/balance_transactions/object)."""

    id: str
    amount: int
    fee: int
    net: int
    currency: str
    created: int
    reporting_category: str
    source: str | _Source | None = None


async def page(
    client: StripeClient, settings: Settings, since: datetime, until: datetime, cursor: str | None
) -> SettlementPage:
    """Return a page of lines, the newest first.

    The cursor is the id of the last line, so that later lines do not shift what follows. A bare
    server does not know the filter by time; all its lines are read and sorted out here.
    """
    params: BalanceTransactionListParams = {"limit": _PAGE, "expand": ["data.source"]}
    if not settings.bare_requests:
        params["created"] = {"gte": _whole_seconds(since), "lt": _whole_seconds(until)}
    if cursor is not None:
        params["starting_after"] = cursor
    listed = await client.v1.balance_transactions.list_async(params)
    found = [read(one, _Line) for one in listed.data]
    return SettlementPage(
        lines=tuple(_settlement(one) for one in found if since <= _at(one) < until),
        next=found[-1].id if listed.has_more and found else None,
    )


def _kind(line: _Line) -> SettlementKind:
    """Say what a line is about; a transfer that bears no payout of ours is another business's."""
    kind = _KINDS.get(line.reporting_category, SettlementKind.ADJUSTMENT)
    if line.reporting_category == "transfer" and isinstance(line.source, _Source):
        ours = PAYOUT in (line.source.metadata or {})
        return kind if ours else SettlementKind.ADJUSTMENT
    return kind


def _settlement(line: _Line) -> Settlement:
    kind = _kind(line)
    currency = line.currency.upper()
    amount, fee, net = (from_stripe(one, currency) for one in (line.amount, line.fee, line.net))
    if kind is SettlementKind.FEE:
        # Stripe writes a fee of its own as an amount that leaves the balance.
        amount, fee = 0, -net
    source = line.source if isinstance(line.source, _Source) else None
    metadata = (source.metadata if source is not None else None) or {}
    intent = source.payment_intent if source is not None else None
    payment = intent.id if isinstance(intent, _Expanded) else intent
    of_capture = kind is SettlementKind.CAPTURE
    to_player = kind is SettlementKind.PLAYER_PAYOUT
    id_ = line.source.id if isinstance(line.source, _Source) else line.source
    return Settlement(
        transaction=line.id,
        kind=kind,
        at=_at(line),
        currency=currency,
        gross_minor=amount,
        fee_minor=fee,
        net_minor=net,
        attempt_id=metadata.get(ATTEMPT),
        refund_id=metadata.get(REFUND),
        reference=payment if of_capture else _transfer(kind, source) or id_,
        payment_reference=payment,
        payout=metadata.get(PAYOUT) if to_player else _of_bank(kind, id_),
    )


def _transfer(kind: SettlementKind, source: _Source | None) -> str | None:
    """Return which transfer was reversed, None for what is no reversal of one."""
    if kind is not SettlementKind.PLAYER_PAYOUT or source is None:
        return None
    return source.transfer.id if isinstance(source.transfer, _Expanded) else source.transfer


def _of_bank(kind: SettlementKind, id_: str | None) -> str | None:
    return id_ if kind is SettlementKind.PAYOUT else None


def _at(line: _Line) -> datetime:
    return _EPOCH + line.created * _SECOND


def _whole_seconds(moment: datetime) -> int:
    """Return the first whole second that is not before the moment: Stripe counts in seconds."""
    return -((_EPOCH - moment) // _SECOND)
