"""The HTTP edge: what routes share, from the shape of a body to the shape of a problem.

A route says by markers where each parameter comes from, and raises refusals at its end::

    @post("/v1/grants", tags=["Wallets"], guards=[scope("wallets:grant")])
    async def create_grant(
        data: JSONBody[CreateGrant],      # strict: a Body struct, or a list or union of them
        idempotency_key: IdempotencyKey,
        caller: Who,                      # absent where opt={"public": True}
        wallets: Service[Wallets],        # by its name among the app's services
    ) -> GrantView:
        return _view(granted(await wallets.grant(caller.home, data.amount)))

Path and query parameters are `FromPath[...]`, `FromQuery[...]`, `Limit` and `After`. A webhook
takes `body: RawBody`, the bytes as they came. `any_query` in `opt` lets undeclared query
parameters pass.
"""

from litestar.params import FromPath, FromQuery, JSONBody, RawBody

from guildbank.infra.http.caller import (
    DEPLOYMENT_SCOPE,
    Authenticate,
    Caller,
    Home,
    Service,
    Who,
    a_player,
    an_operator,
    at_home,
    at_the_staff_door,
    by_machine,
    by_operator,
    caller_of,
    fresh_operator,
    fresh_session,
    home_of,
    machine_or_self,
    own_session,
    scope,
    signed_in_player,
    vouch,
)
from guildbank.infra.http.client_address import (
    UNKNOWN_ADDRESS,
    ClientAddress,
    client_address,
    read_address,
)
from guildbank.infra.http.idempotency import IdempotencyKey, OptionalIdempotencyKey
from guildbank.infra.http.paging import After, Limit, Page, decode_cursor, encode_cursor
from guildbank.infra.http.problems import Code, Problem, granted, problem, problem_for
from guildbank.infra.http.schema import (
    Amount,
    Body,
    CountryCode,
    ExternalId,
    LanguageTag,
    Line,
    Metadata,
    MinorMoney,
    Money,
    Reason,
    View,
    currency_scale,
    read_country,
    read_money,
    write_money,
)

__all__ = [
    "DEPLOYMENT_SCOPE",
    "UNKNOWN_ADDRESS",
    "After",
    "Amount",
    "Authenticate",
    "Body",
    "Caller",
    "ClientAddress",
    "Code",
    "CountryCode",
    "ExternalId",
    "FromPath",
    "FromQuery",
    "Home",
    "IdempotencyKey",
    "JSONBody",
    "LanguageTag",
    "Limit",
    "Line",
    "Metadata",
    "MinorMoney",
    "Money",
    "OptionalIdempotencyKey",
    "Page",
    "Problem",
    "RawBody",
    "Reason",
    "Service",
    "View",
    "Who",
    "a_player",
    "an_operator",
    "at_home",
    "at_the_staff_door",
    "by_machine",
    "by_operator",
    "caller_of",
    "client_address",
    "currency_scale",
    "decode_cursor",
    "encode_cursor",
    "fresh_operator",
    "fresh_session",
    "granted",
    "home_of",
    "machine_or_self",
    "own_session",
    "problem",
    "problem_for",
    "read_address",
    "read_country",
    "read_money",
    "scope",
    "signed_in_player",
    "vouch",
    "write_money",
]
