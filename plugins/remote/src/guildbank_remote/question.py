"""The questions to the tenant's server: their bodies in version 1, which only grow."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from guildbank.plugin_api import Context, MoveView, PurchaseView

KIND, MOVES_KIND, TEST_KIND = "purchase", "operations", "connection_test"


class Line(msgspec.Struct, frozen=True, rename="camel"):
    """A tax or fee of a purchase, in the words of the wire."""

    kind: str
    label: str
    amount_minor: int
    included: bool
    rate: str | None


class Purchase(msgspec.Struct, frozen=True, rename="camel"):
    """All that a gate sees of a purchase, in the words of the wire.

    Members are named one by one, so that what the core tells gates some day is sent only once
    somebody decides that it is.
    """

    tenant: str
    mode: str
    payment_id: str
    player_id: str
    purpose: str
    provider: str
    product_id: str
    amount_minor: int
    currency: str
    charges: Sequence[Line]
    game_currency: str
    coins: int
    bonus: int
    country: str | None
    platform: str | None
    address: str | None
    address_country: str | None
    device: str | None
    age_confirmed_at: datetime | None
    annotations: Mapping[str, str]
    credited_at: datetime | None


class Leg(msgspec.Struct, frozen=True, rename="camel"):
    """A movement of a transfer, in the words of the wire."""

    source: str = msgspec.field(name="from")
    to: str
    currency: str
    amount_minor: int


class Move(msgspec.Struct, frozen=True, rename="camel"):
    """All that a hook sees of an operation, named one by one for the same reason."""

    players: Sequence[str]
    amounts: Mapping[str, int]
    currency: str | None
    amount_minor: int | None
    held: bool
    by: str
    reference: str
    metadata: Mapping[str, str]
    legs: Sequence[Leg]
    annotations: Mapping[str, str]


class Moves(msgspec.Struct, frozen=True):
    """Operations of one verb."""

    tenant: str
    mode: str
    verb: str
    operations: Sequence[Move]


class Test(msgspec.Struct, frozen=True):
    """A question that asks nothing: whoever gets it says that it is there."""

    tenant: str
    mode: str
    test: bool = True


class Question(msgspec.Struct, frozen=True):
    """The body. Its members are those of a webhook, so one receiver reads both."""

    type: str
    timestamp: datetime
    version: int
    data: Purchase | Moves | Test


def question_of(context: Context, purchase: PurchaseView, version: int) -> bytes:
    """Return the body as it is signed and sent."""
    seen = Purchase(
        tenant=context.tenant,
        mode=context.mode,
        payment_id=purchase.payment_id,
        player_id=purchase.player_id,
        purpose=purchase.purpose,
        provider=purchase.provider,
        product_id=purchase.product_id,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        charges=[
            Line(one.kind, one.label, one.amount_minor, one.included, one.rate)
            for one in purchase.charges
        ],
        game_currency=purchase.game_currency,
        coins=purchase.coins,
        bonus=purchase.bonus,
        country=purchase.country,
        platform=purchase.platform,
        address=purchase.address,
        address_country=purchase.address_country,
        device=purchase.device,
        age_confirmed_at=purchase.age_confirmed_at,
        annotations=purchase.annotations,
        credited_at=purchase.credited_at,
    )
    return msgspec.json.encode(Question(KIND, context.now, version, seen))


def test_of(context: Context, version: int) -> bytes:
    """Return the body of a question that asks nothing."""
    seen = Test(context.tenant, context.mode)
    return msgspec.json.encode(Question(TEST_KIND, context.now, version, seen))


def question_of_moves(context: Context, version: int, moves: Sequence[MoveView]) -> bytes:
    """Return the body that asks about operations, which all have one verb."""
    told = [
        Move(
            players=one.players,
            amounts=one.amounts,
            currency=one.currency,
            amount_minor=one.amount_minor,
            held=one.held,
            by=one.by,
            reference=one.reference,
            metadata=one.metadata,
            legs=[Leg(leg.source, leg.to, leg.currency, leg.amount_minor) for leg in one.legs],
            annotations=one.annotations,
        )
        for one in moves
    ]
    seen = Moves(context.tenant, context.mode, moves[0].verb, told)
    return msgspec.json.encode(Question(MOVES_KIND, context.now, version, seen))
