"""Raw postings between players' buckets and the house's accounts; how their reversals answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

import msgspec
from litestar import Response, post
from msgspec import Meta

from guildbank.approvals import WAITS, waiting
from guildbank.infra.http import (
    Amount,
    Body,
    IdempotencyKey,
    JSONBody,
    Metadata,
    Service,
    View,
    Who,
    granted,
    problem,
    scope,
)
from guildbank.journal import Receipt
from guildbank.kernel import seq_id
from guildbank.ledger import HOUSE, MAX_LEGS, Address, house
from guildbank.wallets.contracts import Bucket, Post, PostedFacts, PostLeg, wallet
from guildbank.wallets.http.bodies import CurrencyCode, PlayerId
from guildbank.wallets.http.views import BucketView, moved_view
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.operate import Request, operate

POST = "ledger:post"
TAGS: Sequence[str] = ["Wallets"]
HouseAccount = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_-]{0,40}$(?!\n)",
        description="An account of the house, opened on first use: issue, sales, or your own.",
        examples=["tournament-pool"],
    ),
]
_FACTS = msgspec.json.Decoder(PostedFacts)


class _Shape(msgspec.Struct):
    """What tells the facts of postings from those of wallets."""

    transfers: msgspec.Raw = msgspec.Raw()


_SHAPE = msgspec.json.Decoder(_Shape)


class SideBody(Body):
    """Where a leg begins or ends: a player's bucket, or an account of the house."""

    player_id: PlayerId | None = None
    bucket: Bucket | None = None
    house: HouseAccount | None = None


class LegBody(Body):
    """An amount from one account to another."""

    __example__: ClassVar = {
        "from": {"house": "tournament-pool"},
        "to": {"playerId": "player_01kag3pyqmf9aag12vtrsy70ps", "bucket": "bonus"},
    }

    source: SideBody = msgspec.field(name="from")
    to: SideBody
    currency: CurrencyCode
    amount: Amount


class PostingBody(Body):
    """Legs that are posted together or not at all.

    Metadata is sealed under the key of the first player named.
    """

    legs: Annotated[list[LegBody], Meta(min_length=1)]
    metadata: Metadata | None = None


class SideView(View):
    """A side of a transfer: a player's bucket, or an account of the house."""

    __example__: ClassVar = {
        "bucket": "bonus",
        "house": None,
    }

    player_id: str | None
    bucket: str | None
    house: str | None


class TransferView(View):
    """A transfer as it was posted, with both balances right after it."""

    __example__: ClassVar = {
        "from": {"playerId": None, "bucket": None, "house": "tournament-pool"},
        "amount": 100,
        "fromBalance": -100,
        "toBalance": 100,
    }

    source: SideView = msgspec.field(name="from")
    to: SideView
    currency: str
    amount: int
    from_balance: int
    to_balance: int


class PostingView(View):
    """A posting or its reversal. A credit to a debtor is followed by the transfer that repays."""

    __example__: ClassVar = {
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
    }

    transaction_id: str
    at: datetime
    transfers: Sequence[TransferView]


class ReversalView(View):
    """What a reversal did to a wallet, or for a raw posting its `transfers`; the rest is null."""

    __example__: ClassVar = {
        "transactionId": "txn_01m7yqwf9ke00800000000003v",
        "amount": 100,
        "balance": 350,
        "available": 350,
        "debt": 0,
        "transfers": None,
    }

    transaction_id: str
    at: datetime
    player_id: str | None
    currency: str | None
    amount: int | None
    buckets: Sequence[BucketView] | None
    balance: int | None
    available: int | None
    debt: int | None
    transfers: Sequence[TransferView] | None


@post(
    "/v1/postings",
    guards=[scope(POST, fresh=True)],
    tags=TAGS,
    summary="Post legs",
    responses=WAITS,
)
async def create_posting(
    wallets: Service[Wallets],
    caller: Who,
    idempotency_key: IdempotencyKey,
    data: JSONBody[PostingBody],
) -> Response[PostingView]:
    """Move coins of game currencies between players and the house's accounts, up to 64 legs.

    Paid coins may be taken but never given, and coins do not pass from player to player.
    """
    if len(data.legs) > MAX_LEGS:
        raise problem("too_many_legs", f"A posting has 1 to {MAX_LEGS} legs.", "legs")
    legs = tuple(
        PostLeg(
            _address(leg.source, leg.currency, f"legs.{number}.from"),
            _address(leg.to, leg.currency, f"legs.{number}.to"),
            leg.amount,
        )
        for number, leg in enumerate(data.legs)
    )
    players = [s.player_id for leg in data.legs for s in (leg.source, leg.to) if s.player_id]
    if data.metadata and not players:
        raise problem(
            "invalid_value",
            "Metadata is sealed under a player's key, and this posting names no player.",
            "metadata",
        )
    request = Request(Post(legs), idempotency_key, data.metadata, players[0] if players else None)
    outcome = await operate(wallets, caller.home, caller.principal, request)
    waits = await waiting(wallets.four_eyes, caller.home, outcome)
    return waits or Response(posting_view(granted(outcome)))


def _address(side: SideBody, currency: str, field: str) -> Address:
    if side.house is not None and side.player_id is None and side.bucket is None:
        return house(currency, side.house)
    if side.house is None and side.player_id is not None and side.bucket is not None:
        return wallet(side.player_id, currency, side.bucket)
    raise problem(
        "invalid_value", "Name either playerId and bucket, or an account of the house.", field
    )


def undid_posting(receipt: Receipt) -> bool:
    """Say whether a reversal undid a raw posting, and not an entry of one wallet."""
    return bool(bytes(_SHAPE.decode(receipt.data).transfers))


def reversal_view(receipt: Receipt) -> ReversalView:
    """Render a reversal."""
    if undid_posting(receipt):
        posting = posting_view(receipt)
        return ReversalView(
            transaction_id=posting.transaction_id,
            at=posting.at,
            player_id=None,
            currency=None,
            amount=None,
            buckets=None,
            balance=None,
            available=None,
            debt=None,
            transfers=posting.transfers,
        )
    moved = moved_view(receipt)
    return ReversalView(
        transaction_id=moved.transaction_id,
        at=moved.at,
        player_id=moved.player_id,
        currency=moved.currency,
        amount=moved.amount,
        buckets=moved.buckets,
        balance=moved.balance,
        available=moved.available,
        debt=moved.debt,
        transfers=None,
    )


def posting_view(receipt: Receipt) -> PostingView:
    """Render a posting or its reversal."""
    return PostingView(
        transaction_id=seq_id("txn", receipt.seq, receipt.at),
        at=receipt.at,
        transfers=[
            TransferView(
                source=_side(one.debit),
                to=_side(one.credit),
                currency=one.credit.asset,
                amount=one.amount,
                from_balance=one.debit_after,
                to_balance=one.credit_after,
            )
            for one in _FACTS.decode(receipt.data).transfers
        ],
    )


def _side(address: Address) -> SideView:
    if address.owner == HOUSE:
        return SideView(player_id=None, bucket=None, house=address.bucket)
    return SideView(player_id=address.owner, bucket=address.bucket, house=None)


ROUTES = (create_posting,)
