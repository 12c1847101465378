"""What Steam's report of a game's sales says of money, as lines to hold the books against.

Steam shows an order once, at the time of its last change. So a line of money that went back comes
with the line of its sale, under the same name as before, and a period that is asked for again lacks
orders that changed since. What Valve keeps for itself is not in this report.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from guildbank.plugin_api import MAX_SETTLEMENTS, Settlement, SettlementKind, SettlementPage
from guildbank_steampay.amounts import NotExpressible
from guildbank_steampay.chargebacks import charged_back
from guildbank_steampay.client import Client, SteamFailed
from guildbank_steampay.orders import Order, paid_minor, part_minor
from guildbank_steampay.refunds import reference_of
from guildbank_steampay.reports import page_of, time_of

_REPORT = "GAMESALES"
_ORDERS = (80, MAX_SETTLEMENTS)
"""Of a page, so that all their lines fit it; the second where one second has more."""
_A_SECOND = timedelta(seconds=1)


async def read(
    client: Client, since: datetime, until: datetime, cursor: str | None
) -> SettlementPage:
    """Return a page of lines. Raises SteamFailed, NoAnswer."""
    begin = since if cursor is None else _begin(cursor)
    orders = await page_of(client, _REPORT, begin, _ORDERS)
    within = [order for order in orders if since <= time_of(order) < until]
    lines = tuple(line for order in within for line in lines_of(order))
    if len(lines) > MAX_SETTLEMENTS:
        raise SteamFailed(f"more than {MAX_SETTLEMENTS} lines of a report are of one second")
    # Only an empty page is the last: Steam may show less than it has.
    last = max(map(time_of, orders), default=until)
    if last >= until:
        return SettlementPage(lines=lines)
    # The second of the last order may have more; lines that are read twice count once.
    begins = last if last > begin else begin + _A_SECOND
    return SettlementPage(lines=lines, next=begins.astimezone(UTC).isoformat())


def lines_of(order: Order) -> Sequence[Settlement]:
    """Return what an order's money did: its sale, and what went back of it.

    Of an amount that our minor units cannot express there is no line, and its capture is missing.
    """
    if not order.is_paid:
        return ()
    try:
        paid = paid_minor(order)
        back = [
            (number, part_minor(order, item))
            for number, item in enumerate(order.items, 1)
            if order.is_back(item)
        ]
        gone = charged_back(order)
    except NotExpressible:
        return ()
    reference, sold = order.orderid, f"{order.orderid}/sold"
    lines = [_line(order, sold, SettlementKind.CAPTURE, paid, reference)]
    for one in gone:
        name = f"{one.name}/charged_back"
        lines.append(_line(order, name, SettlementKind.DISPUTE, -one.amount_minor, one.name))
    for number, minor in back:
        refund = reference_of(order, number)
        lines.append(_line(order, f"{refund}/refunded", SettlementKind.REFUND, -minor, refund))
    return lines


def _line(
    order: Order, transaction: str, kind: SettlementKind, gross: int, reference: str
) -> Settlement:
    return Settlement(
        transaction=transaction, kind=kind, at=time_of(order), currency=order.currency,
        gross_minor=gross, fee_minor=0, net_minor=gross, reference=reference,
        payment_reference=order.orderid,
    )  # fmt: skip


def _begin(cursor: str) -> datetime:
    try:
        return msgspec.convert(cursor, datetime)
    except msgspec.ValidationError:
        raise SteamFailed("the report is not read from there") from None
