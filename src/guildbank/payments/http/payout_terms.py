"""Routes by which a studio says which coins are paid out, for how much and when."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from litestar import Response, get, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, Approvable, waiting
from guildbank.infra.http import (
    Amount,
    Body,
    JSONBody,
    MinorMoney,
    Money,
    Service,
    View,
    Who,
    by_operator,
    granted,
    machine_or_self,
    problem,
    read_money,
    write_money,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act
from guildbank.kernel import Refusal
from guildbank.payments.contracts.payouts import PayoutTerms
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.terms import (
    SET_TERMS,
    SetPayoutTerms,
    list_payout_terms,
    set_payout_terms,
)

Parts = Service[Payments]
READ = "payouts:read"
TAGS: Sequence[str] = ["Payouts"]
Code = Annotated[str, PathParameter(description="The currency's code.", max_length=16)]
Days = Annotated[int, Meta(ge=0, le=365)]
OutBucket = Literal["free", "paid"]
_RATE = {"amount": {"amount": "1.00", "currency": "EUR"}, "perCoins": 100}
_EXAMPLE = {
    "open": True,
    "rate": _RATE,
    "leastCoins": 500,
    "mostCoins": 50_000,
    "disputeWindowDays": 14,
    "buckets": ["free"],
    "reviewAbove": {"amount": "50.00", "currency": "EUR"},
}


class RateBody(Body):
    """What coins are worth: `amount` for each `perCoins`, an exact ratio."""

    __example__: ClassVar = _RATE

    amount: Money
    per_coins: Amount


class PayoutTermsBody(Body):
    """How coins of a currency are paid out.

    Only coins of these `buckets` that have been the player's for `disputeWindowDays` are; bonus
    coins never. A payout above `reviewAbove` waits for a person: each does at `0.00` or where it
    is left out, none with null.
    """

    __example__: ClassVar = _EXAMPLE

    open: bool
    rate: RateBody
    least_coins: Amount
    most_coins: Amount
    dispute_window_days: Days = 14
    buckets: Annotated[list[OutBucket], Meta(min_length=1, max_length=2)] = msgspec.field(
        default_factory=lambda: ["free"]
    )
    review_above: Money | msgspec.UnsetType | None = msgspec.UNSET


class PayoutTermsView(View):
    """How coins of a currency are paid out."""

    __example__: ClassVar = {"currency": "GEM", **_EXAMPLE}

    currency: str
    open: bool
    rate: RateBody
    least_coins: int
    most_coins: int
    dispute_window_days: int
    buckets: Sequence[str]
    review_above: Money | None


class PayoutTermsListView(View):
    """The terms of all currencies that have some; coins of the others are not paid out."""

    items: Sequence[PayoutTermsView]


@get(
    "/v1/payout-terms",
    guards=[machine_or_self(READ)],
    tags=TAGS,
    summary="Read which coins are paid out",
)
async def read(payments: Parts, caller: Who) -> PayoutTermsListView:
    """Return the terms of payouts by currency. Players read them too."""
    return await _shown(payments, caller.home)


@put(
    "/v1/payout-terms/{code:str}",
    guards=[by_operator(SET_TERMS, fresh=True)],
    tags=TAGS,
    summary="Say how coins are paid out",
    responses=WAITS,
)
async def write(
    payments: Parts, caller: Who, code: Code, data: JSONBody[PayoutTermsBody]
) -> Response[PayoutTermsListView]:
    """Set a currency's terms. Without terms, or with `open` false, its coins are not paid out.

    Payouts that were requested before keep theirs.
    """
    terms = terms_from(code, data)
    done = await set_payout_terms(payments, caller.home, caller.principal, terms)
    waits = await waiting(payments.four_eyes, caller.home, done)
    if waits is not None:
        return waits
    if isinstance(done, Refusal) and done != NO_CHANGE:
        granted(done)
    return Response(await _shown(payments, caller.home))


def terms_from(code: str, data: PayoutTermsBody) -> PayoutTerms:
    """Return the terms of a currency that a body means, or raise the problem with it."""
    rate = granted(read_money(data.rate.amount, "rate.amount"))
    above = None if data.review_above is None else 0
    if isinstance(data.review_above, Money):
        if data.review_above.currency != rate.currency:
            raise problem("invalid_value", "Name the money of the rate.", "reviewAbove.currency")
        read = read_money(data.review_above, "reviewAbove")
        # Nothing is an amount of its own here: above it lies every payout.
        above = 0 if _is_nothing(read) else granted(read).amount_minor
    return PayoutTerms(
        currency=code,
        is_open=data.open,
        money=rate.currency,
        amount_minor=rate.amount_minor,
        per_coins=data.rate.per_coins,
        least_coins=data.least_coins,
        most_coins=data.most_coins,
        window_days=data.dispute_window_days,
        buckets=tuple(data.buckets),
        review_above_minor=above,
    )


def _is_nothing(read: MinorMoney | Refusal) -> bool:
    return isinstance(read, Refusal) and read.code == "out_of_range"


async def _shown(payments: Payments, tenant: TenantRef) -> PayoutTermsListView:
    return PayoutTermsListView([_view(one) for one in await list_payout_terms(payments, tenant)])


def _view(one: PayoutTerms) -> PayoutTermsView:
    above = one.review_above_minor
    return PayoutTermsView(
        currency=one.currency,
        open=one.is_open,
        rate=RateBody(write_money(one.amount_minor, one.money), one.per_coins),
        least_coins=one.least_coins,
        most_coins=one.most_coins,
        dispute_window_days=one.window_days,
        buckets=one.buckets,
        review_above=None if above is None else write_money(above, one.money),
    )


async def _act(_services: Any, _tenant: TenantRef | None, by: str, terms: PayoutTerms) -> Act:
    return SetPayoutTerms(by, terms)


def _show(terms: PayoutTerms) -> Mapping[str, Any]:
    shown: Mapping[str, Any] = msgspec.to_builtins(terms)
    return shown


SETTING: Approvable[PayoutTerms] = Approvable(
    verb=SetPayoutTerms.verb,
    permission=SET_TERMS,
    meaning="Say which coins are paid out to players, for how much and when.",
    command=PayoutTerms,
    show=_show,
    act=_act,
)
ROUTES: Sequence[Any] = (read, write)
