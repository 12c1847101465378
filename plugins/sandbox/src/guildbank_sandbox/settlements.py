"""Read what the sandbox provider reports of the account's money."""

from datetime import UTC, datetime, timedelta

from guildbank.plugin_api import Context, Settlement, SettlementKind, SettlementPage
from guildbank_sandbox.client import SandboxUnreachable, call
from guildbank_sandbox.wire import ErrorBody, SettlementObject, Settlements

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


async def read(
    context: Context, since: datetime, until: datetime, cursor: str | None
) -> SettlementPage:
    """Return a page of lines. Raises SandboxUnreachable when the provider refuses."""
    query = {
        "since_ms": str(_milliseconds(since)),
        "until_ms": str(_milliseconds(until)),
        "after": cursor or "",
    }
    answer = await call(context, "GET", "/settlements", Settlements, query=query)
    if isinstance(answer, ErrorBody):
        raise SandboxUnreachable(f"the report was refused: {answer.code}")
    return SettlementPage(lines=tuple(map(_line, answer.items)), next=answer.next)


def _line(one: SettlementObject) -> Settlement:
    kind = SettlementKind(one.kind)
    return Settlement(
        transaction=one.id,
        kind=kind,
        at=_EPOCH + one.at_ms * _MILLISECOND,
        currency=one.currency,
        gross_minor=one.amount_minor,
        fee_minor=one.fee_minor,
        net_minor=one.amount_minor - one.fee_minor,
        attempt_id=one.ours if kind is SettlementKind.CAPTURE else None,
        refund_id=one.ours if kind is SettlementKind.REFUND else None,
        reference=one.reference,
        payment_reference=one.payment,
        payout=one.ours if kind is SettlementKind.PLAYER_PAYOUT else None,
    )


def _milliseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND
