"""Who is calling, and the guards with which a route says who may."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers.base import BaseRouteHandler
from litestar.params import SkipValidation

from guildbank.infra.acting import ACTING, Acting
from guildbank.infra.http.admission import ROUTE_LIMITS, Gate, visit_of
from guildbank.infra.http.client_address import ClientAddress, client_address
from guildbank.infra.http.csrf import check_csrf, check_origin
from guildbank.infra.http.faults import NO_CREDENTIAL
from guildbank.infra.http.problems import Problem, problem
from guildbank.infra.http.reason import read_reason
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

Connection: TypeAlias = ASGIConnection[Any, Any, Any, Any]
AUTHENTICATE = "guildbank_authenticate"
HOME = "home"
FIND_HOME = "guildbank_find_home"
GATE = "guildbank_gate"
WHILE_SUSPENDED = "while_suspended"
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
DEPLOYMENT_SCOPE = "deployment"


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The principal of a request, as its credentials proved it.

    `principal` names the application, player or operator, never a key or token, so that idempotency
    keys outlive a rotation. Who is of the deployment has no tenant; a player has `player_id` and,
    where the game server said so, the `country` whose prices are this player's. A player who signed
    in has a session and the time of that, and is `fresh` for some minutes after; one whose token
    the game server minted has neither. Where a key may be used from some networks only, these are
    its `allowed_addresses`; `key_id` is the key. An operator has a session, `scopes` by the roles
    held now, and `csrf`, the token that unsafe calls must bear.
    """

    kind: Literal["machine", "player", "operator", "deployment"]
    principal: str
    tenant: TenantRef | None = None
    player_id: str | None = None
    country: str | None = None
    session_id: str | None = None
    authenticated_at: datetime | None = None
    fresh: bool = False
    scopes: frozenset[str] = frozenset()
    allowed_addresses: tuple[str, ...] = ()
    key_id: str | None = None
    csrf: str | None = None

    @property
    def of_deployment(self) -> bool:
        """Whether the caller is the deployment's: a key of it, or a person who runs it."""
        return self.tenant is None and self.kind in ("deployment", "operator")

    @property
    def home(self) -> TenantRef:
        """The caller's tenant; who is of the deployment is refused here, belonging to none."""
        if self.tenant is None:
            raise problem("forbidden", "This call needs a key or an operator of a tenant.")
        return self.tenant


Who: TypeAlias = NamedDependency[Caller]
"""The caller as a route's parameter: `caller: Who`."""

T = TypeVar("T")
Service: TypeAlias = NamedDependency[SkipValidation[T]]
"""Something the app provides, as a route's parameter: `ledger: Service[Ledger]`."""

Home: TypeAlias = NamedDependency[TenantRef]
"""The tenant that a public request is for, as a route's parameter: `home: Home`."""


Authenticate: TypeAlias = Callable[
    [Mapping[str, str], str, ClientAddress], Awaitable[Caller | Refusal | None]
]
"""`await authenticate(headers, path, address)`: a caller, a refusal of bad credentials, or None for
none. `address` is whom the request comes from."""

FindHome: TypeAlias = Callable[[Mapping[str, str], ClientAddress], Awaitable[TenantRef | Refusal]]
"""`await find_home(headers, address)`: the tenant that a request to a public route is for."""


def caller_of(connection: Connection) -> Caller:
    """Return the caller of an authenticated request, else raise `unauthorized`."""
    caller = connection.scope.get("user")
    if not isinstance(caller, Caller):
        raise problem("unauthorized", NO_CREDENTIAL)
    return caller


class Scope:
    """Guard: machines need this scope, operators a role with it; a deployment key is a machine.

    With `people` no machine will do, with `machines` no operator. With `fresh` operators must have
    proved who they are of late.
    """

    def __init__(
        self,
        name: str,
        *,
        players: bool = False,
        people: bool = False,
        machines: bool = False,
        fresh: bool = False,
    ) -> None:
        self.name = name
        self.players = players
        self.people = people
        self.machines = machines
        self.fresh = fresh

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Raise `unauthorized` or `forbidden` unless the caller holds the scope."""
        await admit(connection)
        caller = caller_of(connection)
        if caller.kind == "player":
            if not self.players:
                raise problem("forbidden", "Players may not make this call.")
            _only_self(caller, connection)
        elif self.people and caller.kind != "operator":
            raise problem("forbidden", "Only an operator who signed in may make this call.")
        elif self.machines and caller.kind == "operator":
            raise problem("forbidden", "Only a game server may make this call, by its key.")
        elif self.name not in caller.scopes:
            who = "No role of yours has" if caller.kind == "operator" else "The key lacks"
            raise problem("forbidden", f"{who} the scope {self.name}.")
        elif self.fresh:
            _fresh(caller)


def scope(name: str, *, fresh: bool = False) -> Scope:
    """Return a guard for machines and operators that hold `name`, such as `wallets:spend`.

    With `fresh` operators must have typed password and code within the last minutes.
    """
    return Scope(name, fresh=fresh)


def by_operator(name: str, *, fresh: bool = False) -> Scope:
    """Return a guard for operators with the permission `name`, which no key has."""
    return Scope(name, people=True, fresh=fresh)


def by_machine(name: str) -> Scope:
    """Return a guard for keys with the scope `name`: what no person may do, whatever the role."""
    return Scope(name, machines=True)


def machine_or_self(name: str) -> Scope:
    """Return a guard for machines with the scope, and for the player that the path names.

    The path parameter must be called `player_id` or `id`; another player's id answers 404, as
    an id that does not exist. A path without one is open to any player: the route must then use
    `caller.player_id`.
    """
    return Scope(name, players=True)


def _only_self(caller: Caller, connection: Connection) -> None:
    params = connection.path_params
    named = params.get("player_id", params.get("id"))
    if named is not None and named != caller.player_id:
        raise problem("not_found", "There is no such player.")


class PlayerOnly:
    """Guard: players and no machines.

    With `session` only those who signed in themselves, with `fresh` only those who did so of late.
    """

    def __init__(self, *, session: bool, fresh: bool = False) -> None:
        self.session = session
        self.fresh = fresh

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Raise `unauthorized`, `forbidden`, `session_required` or `step_up_required`.

        In a suspended tenant `tenant_suspended`.
        """
        await admit(connection)
        caller = caller_of(connection)
        if caller.kind != "player":
            raise problem("forbidden", "Only the player may make this call.")
        _refuse_writes(connection, caller.home)
        if self.session and caller.session_id is None:
            raise problem(
                "session_required",
                "The game server made this token. Its player must sign in to make this call.",
            )
        if self.fresh and not caller.fresh:
            raise problem(
                "step_up_required",
                "This call needs a fresh proof of who you are: step up at /v1/sessions/step-up, "
                "then call again with the new token.",
            )


a_player = PlayerOnly(session=False)
own_session = PlayerOnly(session=True)
fresh_session = PlayerOnly(session=True, fresh=True)


class OperatorOnly:
    """Guard: operators about themselves, whatever their roles; `fresh` as for Scope."""

    def __init__(self, *, fresh: bool = False) -> None:
        self.fresh = fresh

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        """Raise `unauthorized`, `forbidden` or `step_up_required`."""
        await admit(connection)
        caller = caller_of(connection)
        if caller.kind != "operator":
            raise problem("forbidden", "Only an operator who signed in may make this call.")
        if self.fresh:
            _fresh(caller)


an_operator = OperatorOnly()
fresh_operator = OperatorOnly(fresh=True)


def _fresh(caller: Caller) -> None:
    if caller.kind == "operator" and not caller.fresh:
        raise problem(
            "step_up_required",
            "This call needs a fresh proof of who you are: type password and code at "
            "/v1/operator/step-up, use a passkey at /v1/operator/step-up/passkey, or come in anew "
            "through the studio. Then call again.",
        )


async def at_the_staff_door(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard of a public route by which operators come in: no page of elsewhere opens it."""
    check_origin(connection.headers)


async def at_home(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard of a public route that is for players of one tenant: the request must name it."""
    home = connection.scope["state"][HOME] = await home_of(connection)
    _refuse_writes(connection, home)


def _refuse_writes(connection: Connection, tenant: TenantRef) -> None:
    """Raise `tenant_suspended` for what would change something in a suspended tenant.

    The journal refuses by itself; this is for what players change outside it. A route that only
    lets somebody in to read, or out, says so by `opt={"while_suspended": True}`.
    """
    if tenant.state != "suspended" or connection.scope.get("method") in _READS:
        return
    if not connection.scope["route_handler"].opt.get(WHILE_SUSPENDED):
        raise problem(
            "tenant_suspended",
            "The tenant is suspended: it can be read but takes no writes until it is resumed.",
        )


async def home_of(connection: Connection) -> TenantRef:
    """Return the tenant that a public request is for; raises Problem."""
    known = connection.scope["state"].get(HOME)
    if isinstance(known, TenantRef):
        return known
    find_home: FindHome | None = connection.scope["litestar_app"].state.get(FIND_HOME)
    if find_home is None:
        raise LookupError("this app has no tenants")
    found = await find_home(connection.headers, client_address(connection))
    if isinstance(found, Refusal):
        raise Problem(found)
    return found


async def signed_in_player(connection: Connection, home: TenantRef) -> str | None:
    """Return the player of `home` who calls a public route signed in, None for anyone else.

    Credentials that are not good count as none: the route is open without.
    """
    authenticate: Authenticate = connection.scope["litestar_app"].state[AUTHENTICATE]
    path = connection.scope["path"]
    found = await authenticate(connection.headers, path, client_address(connection))
    if not isinstance(found, Caller) or found.tenant is None or found.tenant.id != home.id:
        return None
    return None if found.session_id is None else found.player_id


async def admit(connection: Connection) -> None:
    """Find the caller once per request unless the route says `public`; raises Problem.

    The first guard asks, or the check before the route where there is no guard.
    """
    scope = connection.scope
    if scope.get("user") is not None or scope["route_handler"].opt.get("public"):
        return
    authenticate: Authenticate = scope["litestar_app"].state[AUTHENTICATE]
    found = await authenticate(connection.headers, scope["path"], client_address(connection))
    if isinstance(found, Refusal):
        raise Problem(found)
    if found is None:
        raise problem("unauthorized", NO_CREDENTIAL)
    if found.kind == "operator":
        check_csrf(str(scope.get("method")), connection.headers, found.csrf)
    scope["user"] = found
    if found.kind != "player":
        ACTING.set(_acting(connection, found))
    gate: Gate = scope["litestar_app"].state[GATE]
    await gate.admit(visit_of(connection), found.principal, player=found.kind == "player")


def _acting(connection: Connection, caller: Caller) -> Acting:
    """Return what the audit says of an operator or a machine."""
    stranger = ACTING.get()
    return Acting(
        principal=caller.principal,
        kind="operator" if caller.kind == "operator" else "machine",
        tenant=caller.tenant,
        address=None if stranger is None else stranger.address,
        credential=caller.session_id or caller.key_id,
        request_id=None if stranger is None else stranger.request_id,
        reason=read_reason(connection.headers),
    )


async def count(connection: Connection) -> None:
    """Count a request under the limits that its route declares; raises Problem."""
    scope = connection.scope
    if not (limits := scope["route_handler"].opt.get(ROUTE_LIMITS)):
        return
    caller = scope.get("user")
    principal = caller.principal if isinstance(caller, Caller) else None
    gate: Gate = scope["litestar_app"].state[GATE]
    await gate.pass_route(visit_of(connection), limits, principal)


def vouch(connection: Connection) -> None:
    """Take a request off its address's count: a signature, say, proved who sent it."""
    gate: Gate = connection.scope["litestar_app"].state[GATE]
    gate.vouch(visit_of(connection))
