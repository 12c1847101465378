"""Routes by which a studio says what becomes of coins already spent when their money goes back."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Response, get, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, Approvable, waiting
from guildbank.infra.http import Body, JSONBody, Service, View, Who, by_operator, granted, scope
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.spent import SpentPolicy
from guildbank.payments.http.payments import READ, ProviderName
from guildbank.payments.http.refund_policy import SET_POLICY
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.spent_coins import (
    SetSpentCoins,
    list_spent_coins,
    set_spent_coins,
    spent_default,
)
from guildbank.tenancy import SpentCoins

Parts = Service[Payments]
TAGS: Sequence[str] = ["Refunds"]
Code = Annotated[str, PathParameter(description="The currency's code.", max_length=16)]
Providers = Annotated[dict[ProviderName, SpentCoins], Meta(max_length=50)]


class SpentCoinsBody(Body):
    """The currency's policy, None for the tenant's, and those of single providers."""

    __example__: ClassVar = {"policy": "debt", "providers": {"sandbox": "write_off"}}

    policy: SpentCoins | None = None
    providers: Providers | None = None


class SpentCoinsLine(View):
    """What becomes of spent coins of a currency."""

    __example__: ClassVar = {
        "currency": "GEM",
        "policy": "debt",
        "providers": {"sandbox": "write_off"},
    }

    currency: str
    policy: SpentCoins | None
    providers: Mapping[str, SpentCoins]


class SpentCoinsView(View):
    """The policies of a tenant: `policy` is for currencies that are not among `currencies`."""

    __example__: ClassVar = {"policy": "refuse", "currencies": [SpentCoinsLine.__example__]}

    policy: SpentCoins
    currencies: Sequence[SpentCoinsLine]


@get("/v1/spent-coins", guards=[scope(READ)], tags=TAGS, summary="Read what becomes of spent coins")
async def read(payments: Parts, caller: Who) -> SpentCoinsView:
    """Return what becomes of coins already spent when their money goes back."""
    return await _shown(payments, caller.home)


@put(
    "/v1/spent-coins/{code:str}",
    guards=[by_operator(SET_POLICY, fresh=True)],
    tags=TAGS,
    summary="Say what becomes of spent coins",
    responses=WAITS,
)
async def write(
    payments: Parts, caller: Who, code: Code, data: JSONBody[SpentCoinsBody]
) -> Response[SpentCoinsView]:
    """Set a currency's policy. What is unspent is always taken; this is for the rest.

    `refuse` refuses the refund; where money is gone already (a dispute, a refund in the provider's
    pages) the rest is owed all the same. `debt` lets the player owe it: nothing is spent until the
    next coins have paid. `write_off` lets it go: the studio bears what it had cost.
    """
    policy = SpentPolicy(currency=code, policy=data.policy, providers=data.providers or {})
    done = await set_spent_coins(payments, caller.home, caller.principal, policy)
    waits = await waiting(payments.four_eyes, caller.home, done)
    if waits is not None:
        return waits
    if isinstance(done, Refusal) and done != NO_CHANGE:
        granted(done)
    return Response(await _shown(payments, caller.home))


async def _shown(payments: Payments, tenant: TenantRef) -> SpentCoinsView:
    found = await list_spent_coins(payments, tenant)
    return SpentCoinsView(
        policy=await spent_default(payments, tenant),
        currencies=[SpentCoinsLine(one.currency, one.policy, one.providers) for one in found],
    )


async def _act(_services: Any, _tenant: TenantRef | None, by: str, policy: SpentPolicy) -> Act:
    return SetSpentCoins(by, policy)


def _show(policy: SpentPolicy) -> Mapping[str, Any]:
    shown: Mapping[str, Any] = msgspec.to_builtins(policy)
    return shown


SETTING: Approvable[SpentPolicy] = Approvable(
    verb=SetSpentCoins.verb,
    permission=SET_POLICY,
    meaning="Say what becomes of coins already spent when their money goes back.",
    command=SpentPolicy,
    show=_show,
    act=_act,
)
ROUTES: Sequence[Any] = (read, write)
