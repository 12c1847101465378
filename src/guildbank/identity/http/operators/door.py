"""What the routes of operators share: which plane is meant, cookies, and how a session is shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import Request, Response
from litestar.datastructures import Cookie
from msgspec import Meta

from guildbank.identity.contracts.machines import TENANT_MISMATCH
from guildbank.identity.contracts.operators import (
    HTTPS_REQUIRED,
    PASSKEYS_ELSEWHERE,
    SIGNED_OUT,
    STEP_UP_LIFE,
    Operator,
    OperatorSession,
    SignedIn,
)
from guildbank.identity.contracts.players import TENANT_SUSPENDED
from guildbank.identity.rules import token_hash
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.authenticate import CLIENT_HEADER, read_cookie
from guildbank.identity.usecases.operators.browsers import MAX_TOKENS, Browser
from guildbank.identity.usecases.operators.change_operator import get_operator
from guildbank.identity.usecases.operators.keep_factors import has_any_password, held_by
from guildbank.identity.usecases.operators.keep_session import know_session
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.http import Caller, Problem, View, granted, home_of, problem
from guildbank.infra.limits import RateLimit

SIGNING_IN = RateLimit("operators-signing-in", 60, 60, "address", exact=True)
PUBLIC = {"public": True, "limits": (SIGNING_IN,), "staff": True}
"""`staff` says of a public route that it is for operators."""
DEVICE_SECONDS = 365 * 24 * 3600
AddressText = Annotated[str, Meta(min_length=3, max_length=254, examples=["olga@moonlit.example"])]
PasswordText = Annotated[
    str, Meta(min_length=1, max_length=1024, examples=["three lamps sing at dawn"])
]
CodeText = Annotated[
    str,
    Meta(
        min_length=6,
        max_length=40,
        description="Six digits that the authenticator app shows, or a recovery code.",
        examples=["492039"],
    ),
]
SecretText = Annotated[str, Meta(min_length=1, max_length=200)]
RoleName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{1,39}$(?!\n)",
        description="Lower-case letters, digits and hyphens.",
        examples=["support"],
    ),
]
RoleNames = Annotated[list[RoleName], Meta(min_length=1, max_length=20)]
OfDeployment = Annotated[
    bool,
    Meta(
        description="True for who runs the deployment, at its own host; false for who works for "
        "the tenant that the host or X-Guildbank-Key names."
    ),
]


TenantSlug = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=40,
        description="The slug of the tenant, at the deployment's own host.",
        examples=["moonlit-games"],
    ),
]


class OperatorView(View):
    """A person who works here; without `secondFactor` they can do nothing yet."""

    __example__: ClassVar = {
        "id": "op_01kag3pyqmf9aag12vtrsy70ps",
        "address": "olga@moonlit.example",
        "name": "Olga",
        "state": "active",
        "roles": ["support"],
    }

    id: str
    address: str
    name: str
    state: str
    roles: Sequence[str]
    second_factor: bool
    created_at: datetime


class OperatorSessionView(View):
    """A sign-in on one device; `current` is the one that asks."""

    __example__: ClassVar = {"id": "ops_01kag3pyqmf9aag12vtrsy70ps", "device": "Firefox"}

    id: str
    device: str
    current: bool
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class HeldView(View):
    """What an operator has for a second factor; `passkeys` are those that can be used."""

    __example__: ClassVar = {"app": True, "passkeys": 1, "recoveryCodes": 10}

    app: bool
    passkeys: int
    recovery_codes: int


class MeView(View):
    """Who signed in and what is permitted; `tenant` is null for who runs the deployment.

    Unsafe calls send `csrf` as X-CSRF-Token. Dangerous ones are open until `freshUntil`, and after
    that by a step-up. `studio` says that the person comes in by the studio's sign-in and has no
    password. `recoveryCodes` are shown this once, where a second factor was just set up.
    """

    __example__: ClassVar = {
        "tenant": "moonlit-games",
        "permissions": ["players:read"],
        "studio": False,
        "recoveryCodes": [],
    }

    operator: OperatorView
    tenant: str | None
    permissions: Sequence[str]
    csrf: str
    session: OperatorSessionView
    fresh_until: datetime
    factors: HeldView
    studio: bool
    recovery_codes: Sequence[str]


async def plane_at(
    identity: Identity,
    request: Request[Any, Any, Any],
    deployment: bool,
    tenant: str | None = None,
) -> Plane:
    """Return whose operators come in at this door; raises Problem."""
    check_place(identity, request)
    own = identity.staff.is_own_host(request.headers.get("host", ""))
    if deployment:
        if not own:
            raise problem("not_found", "Who runs the deployment signs in at its own host.")
        return await identity.staff.plane(None)
    if tenant is None or not own or CLIENT_HEADER in request.headers:
        home = await home_of(request)
        if tenant not in (None, home.slug):
            raise Problem(TENANT_MISMATCH)
        return await identity.staff.plane(home)
    named = await identity.tenants.by_slug(tenant)
    if named is None:
        raise problem("not_found", "There is no such tenant.", "tenant")
    return await identity.staff.plane(named)


def check_place(identity: Identity, request: Request[Any, Any, Any]) -> None:
    """Raise `https_required` where a cookie would travel in clear."""
    if not identity.staff.may_set_cookies(request.headers.get("host", "")):
        raise Problem(HTTPS_REQUIRED)


def check_own_place(identity: Identity, request: Request[Any, Any, Any]) -> None:
    """Raise `passkeys_off` where no browser would give an operator's passkey to the page."""
    check_place(identity, request)
    if not identity.staff.is_own_host(request.headers.get("host", "")):
        raise Problem(PASSKEYS_ELSEWHERE)


async def plane_of(identity: Identity, caller: Caller) -> Plane:
    """Return the plane of an operator who signed in."""
    return await identity.staff.plane(caller.tenant)


def check_awake(caller: Caller) -> None:
    """Raise `tenant_suspended` where nobody may get more power until the tenant is resumed."""
    if caller.tenant is not None and caller.tenant.state != "active":
        raise Problem(TENANT_SUSPENDED)


def cookie_of(identity: Identity, request: Request[Any, Any, Any]) -> str:
    """Return the cookie of a request that an operator made; raises Problem."""
    sent = read_cookie(request.headers, identity.staff.cookie)
    return sent if isinstance(sent, str) else granted(SIGNED_OUT)


def browser_of(identity: Identity, request: Request[Any, Any, Any]) -> Browser:
    """Return what calls, and the tokens by which it may be known."""
    mark = f"{identity.staff.device_cookie}-"
    kept = [value for name, value in request.cookies.items() if name.startswith(mark)]
    return Browser(request.headers.get("user-agent", ""), tuple(kept[:MAX_TOKENS]))


def session_cookie(identity: Identity, value: str) -> Cookie:
    """Return the cookie of a session; it goes when the browser closes, if not sooner."""
    return _cookie(identity, identity.staff.cookie, value)


def no_cookie(identity: Identity) -> Cookie:
    """Return what takes the session's cookie away."""
    return _cookie(identity, identity.staff.cookie, "", 0)


def _cookie(identity: Identity, name: str, value: str, max_age: int | None = None) -> Cookie:
    # Strict: the console is a page of this host, and what it asks for is asked by that page, so
    # that a link from a mail into the console works all the same.
    return Cookie(
        key=name,
        value=value,
        path="/",
        secure=identity.staff.secure,
        httponly=True,
        samesite="strict",
        max_age=max_age,
    )


async def me_view(identity: Identity, cookie: str, codes: Sequence[str] = ()) -> MeView:
    """Render who is behind a cookie; raises Problem."""
    plane, standing = granted(await know_session(identity, cookie))
    operator = granted(await get_operator(identity, plane, standing.session.operator_id))
    held = await held_by(identity, plane, operator.id)
    return MeView(
        operator=operator_view(operator),
        tenant=None if plane.tenant is None else plane.tenant.slug,
        permissions=sorted(standing.permissions),
        csrf=standing.csrf,
        session=session_view(standing.session, standing.session.id),
        fresh_until=standing.session.fresh_at + STEP_UP_LIFE,
        studio=not await has_any_password(identity, plane, operator.id),
        factors=HeldView(held.app, held.passkeys, held.recovery_codes),
        recovery_codes=codes,
    )


async def entered(identity: Identity, signed_in: SignedIn) -> Response[MeView]:
    """Answer a new session: its cookies, and who came in."""
    view = await me_view(identity, signed_in.cookie, signed_in.recovery_codes)
    return Response(view, cookies=cookies_of(identity, signed_in))


def cookies_of(identity: Identity, signed_in: SignedIn) -> list[Cookie]:
    """Return the cookie of a new session, and that by which its browser is known from now on."""
    # One for each person, so that who works in two places is known in both.
    whose = token_hash(signed_in.session.operator_id).hex()[:12]
    name = f"{identity.staff.device_cookie}-{whose}"
    kept = _cookie(identity, name, signed_in.device, DEVICE_SECONDS)
    return [session_cookie(identity, signed_in.cookie), kept]


async def renewed(identity: Identity, cookie: str) -> Response[MeView]:
    """Answer a session that was proved anew: its next cookie, and whose it is."""
    return Response(await me_view(identity, cookie), cookies=[session_cookie(identity, cookie)])


def operator_view(operator: Operator) -> OperatorView:
    """Render an operator."""
    return OperatorView(
        id=operator.id,
        address=operator.address,
        name=operator.name,
        state=operator.state,
        roles=operator.roles,
        second_factor=operator.second_factor,
        created_at=operator.created_at,
    )


def session_view(session: OperatorSession, current: str | None) -> OperatorSessionView:
    """Render a session."""
    return OperatorSessionView(
        id=session.id,
        device=session.device,
        current=session.id == current,
        created_at=session.created_at,
        seen_at=session.seen_at,
        expires_at=session.expires_at,
    )
