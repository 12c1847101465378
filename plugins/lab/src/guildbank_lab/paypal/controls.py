"""What who plays with the lab does in place of merchants, players, buyers and PayPal's staff."""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, post

from guildbank_lab.clock import Moment
from guildbank_lab.paypal import wire
from guildbank_lab.paypal.desk import Desk
from guildbank_lab.paypal.errors import Refused
from guildbank_lab.paypal.records import Dispute, Order

Word = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{8,200}$")]
Outcome = Literal[
    "RESOLVED_BUYER_FAVOUR",
    "RESOLVED_SELLER_FAVOUR",
    "RESOLVED_WITH_PAYOUT",
    "CANCELED_BY_BUYER",
    "ACCEPTED",
    "DENIED",
]

Stage = Literal["INQUIRY", "CHARGEBACK", "PRE_ARBITRATION", "ARBITRATION"]
Status = Literal[
    "OPEN", "WAITING_FOR_BUYER_RESPONSE", "WAITING_FOR_SELLER_RESPONSE", "UNDER_REVIEW", "OTHER"
]
Days = Annotated[int, msgspec.Meta(ge=0, le=60)]


class NewAccount(msgspec.Struct):
    """An app to open an account for; of the account `payer_id` where one is named."""

    client_id: Word
    client_secret: Word
    webhook_url: str
    payer_id: Word | None = None
    tells_payer: bool = True


class WhichOrder(msgspec.Struct):
    """An order."""

    order: str


class GiveBack(msgspec.Struct):
    """A refund by PayPal's or the merchant's own staff; all that is left without a value."""

    order: str
    value: str | None = None


class Complaint(msgspec.Struct):
    """A dispute to open; about the whole payment without a value.

    Without `answer_days` PayPal does not say until when it is to be answered.
    """

    order: str
    value: str | None = None
    reason: str = "UNAUTHORISED"
    stage: Stage = "CHARGEBACK"
    answer_days: Days = 10


class Change(msgspec.Struct):
    """What becomes of an open dispute; what is left out stays."""

    stage: Stage | None = None
    status: Status | None = None
    value: str | None = None
    answer_days: Days | None = None


class Decision(msgspec.Struct):
    """How a dispute ends."""

    outcome: Outcome
    refunded: str | None = None


class Settled(msgspec.Struct):
    """How what was pending ends: FAILED is for refunds, DECLINED for captures."""

    order: str
    status: Literal["COMPLETED", "DECLINED", "FAILED"]
    refund: str | None = None


class ToSign(msgspec.Struct):
    """Bytes to sign as PayPal would, by their CRC-32: that is all that its signature covers.

    They are sent `at` a moment, now if none is given.
    """

    webhook_id: str
    crc32: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    at: Moment | None = None


@post("/lab/paypal/accounts", sync_to_thread=False)
def open_account(desk: Desk, data: NewAccount) -> dict[str, str]:
    """Open an account; the answer is what a test tenant's settings are to be."""
    app = (data.client_id, data.client_secret)
    account = desk.open_account(app, data.webhook_url, data.payer_id, tells_payer=data.tells_payer)
    return {
        "client_id": account.client_id,
        "client_secret": account.client_secret,
        "webhook_id": account.webhook_id,
        "lab_url": desk.url,
        "trust_root": desk.bench.authority.root_pem,
    }


@post("/lab/paypal/approve")
async def approve(desk: Desk, data: WhichOrder) -> dict[str, Any]:
    """Approve an order in the player's place."""
    order = _order(desk, data.order)
    desk.approve(order)
    return wire.order(order, desk.url)


@post("/lab/paypal/settle")
async def settle(desk: Desk, data: Settled) -> dict[str, Any]:
    """End a capture or, where one is named, a refund that was left pending."""
    order = _order(desk, data.order)
    if data.refund is None:
        desk.settle(order, data.status)
    else:
        desk.settle_refund(order, data.refund, data.status)
    return wire.order(order, desk.url)


@post("/lab/paypal/refunds")
async def give_back(desk: Desk, data: GiveBack) -> dict[str, Any]:
    """Refund from PayPal's own side."""
    order = _order(desk, data.order)
    given = desk.refund(order, _value(data.value), None, None)
    return wire.refund(order, given, desk.url)


@post("/lab/paypal/disputes")
async def complain(desk: Desk, data: Complaint) -> dict[str, Any]:
    """Open a dispute."""
    case = desk.dispute(
        _order(desk, data.order), _value(data.value), data.reason, data.stage, data.answer_days
    )
    return wire.dispute(case, desk.url)


@post("/lab/paypal/disputes/{dispute_id:str}/update")
async def change(desk: Desk, dispute_id: str, data: Change) -> dict[str, Any]:
    """Change an open dispute: its stage, whose turn it is, its amount, its deadline."""
    case = _dispute(desk, dispute_id)
    desk.update(
        case, stage=data.stage, status=data.status, value=_value(data.value),
        answer_days=data.answer_days,
    )  # fmt: skip
    return wire.dispute(case, desk.url)


@post("/lab/paypal/disputes/{dispute_id:str}/resolve")
async def resolve(desk: Desk, dispute_id: str, data: Decision) -> dict[str, Any]:
    """Decide a dispute."""
    case = _dispute(desk, dispute_id)
    desk.resolve(case, data.outcome, _value(data.refunded))
    return wire.dispute(case, desk.url)


@post("/lab/paypal/disputes/{dispute_id:str}/appeal")
async def appeal(desk: Desk, dispute_id: str) -> dict[str, Any]:
    """Appeal against how a dispute was decided; it is decided anew."""
    case = _dispute(desk, dispute_id)
    desk.appeal(case)
    return wire.dispute(case, desk.url)


@post("/lab/paypal/forget-tokens", status_code=204)
async def forget_tokens(desk: Desk) -> None:
    """Let every access token end at once."""
    desk.forget_tokens()


@post("/lab/paypal/sign", status_code=200)
async def sign(desk: Desk, data: ToSign) -> Response[dict[str, str]]:
    """Return the headers of these bytes, signed as PayPal signs its webhooks."""
    return Response(desk.webhooks.headers(data.webhook_id, data.crc32, at=data.at))


def _order(desk: Desk, name: str) -> Order:
    """Return an order by PayPal's id or by what the merchant calls it."""
    if name in desk.orders:
        return desk.orders[name]
    for order in desk.orders.values():
        if name in order.subjects:
            return order
    raise Refused(404, "INVALID_RESOURCE_ID")


def _dispute(desk: Desk, id_: str) -> Dispute:
    case = desk.disputes.get(id_)
    if case is None:
        raise Refused(404, "INVALID_RESOURCE_ID")
    return case


def _value(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Refused(400, "INVALID_PARAMETER_SYNTAX") from None
    if not value.is_finite():
        raise Refused(400, "INVALID_PARAMETER_SYNTAX")
    return value


ROUTES = (
    open_account, approve, settle, give_back, complain, change, resolve, appeal, forget_tokens,
    sign,
)  # fmt: skip
