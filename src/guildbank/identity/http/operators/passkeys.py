"""Routes by which operators come in by passkeys, and keep them and their other second factors."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from litestar import Request, Response, delete, get, patch, post
from litestar.params import PathParameter

from guildbank.identity.contracts.factors import Passkey
from guildbank.identity.http.operators.door import (
    PUBLIC,
    MeView,
    SecretText,
    browser_of,
    check_own_place,
    cookie_of,
    entered,
    plane_of,
    renewed,
)
from guildbank.identity.http.operators.own import FRESH, OWN, OperatorRecoveryCodesView
from guildbank.identity.http.operators.sign_in import DOOR
from guildbank.identity.http.proofs import (
    AssertionBody,
    AttestationBody,
    PasskeyOptionsView,
    options_view,
)
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators import by_passkey, keep_factors, passkeys
from guildbank.infra.http import (
    Body,
    JSONBody,
    Line,
    Service,
    View,
    Who,
    client_address,
    granted,
    problem_for,
)

Parts = Service[Identity]
Req = Request[Any, Any, Any]
COMING_IN: Sequence[str] = ["Operator sign-in"]
TAGS: Sequence[str] = ["Operator account"]
OperatorPasskeyId = Annotated[str, PathParameter(description="The passkey's id.", max_length=90)]


class PasskeyOfferBody(Body):
    """The challenge that the password got; without one the passkey is the whole sign-in."""

    __example__: ClassVar = {"challenge": None}

    challenge: SecretText | None = None


class OperatorPasskeyBody(Body):
    """What the browser got from a passkey, and the challenge that the password got, if one did."""

    __example__: ClassVar = {"challenge": None}

    credential: AssertionBody
    challenge: SecretText | None = None


class FirstPasskeyBody(Body):
    """Who sets a first passkey up: the challenge that the password got."""

    challenge: SecretText


class ConfirmPasskeyBody(Body):
    """The challenge that the password got, what the browser made, and a name for it."""

    __example__: ClassVar = {"name": "Olga's laptop"}

    challenge: SecretText
    credential: AttestationBody
    name: Line


class OperatorStepUpPasskeyBody(Body):
    """What the browser got from a passkey."""

    credential: AssertionBody


class AddOperatorPasskeyBody(Body):
    """What the browser made, and a name for it."""

    __example__: ClassVar = {"name": "Olga's laptop"}

    credential: AttestationBody
    name: Line


class RenameOperatorPasskeyBody(Body):
    """The passkey's new name."""

    __example__: ClassVar = {"name": "Old laptop"}

    name: Line


class AddedOperatorPasskeyView(View):
    """The passkey, and recovery codes, shown this once, where the operator had none left."""

    __example__: ClassVar = {"id": "opk_01kag3pyqmf9aag12vtrsy70ps", "recoveryCodes": []}

    id: str
    recovery_codes: Sequence[str]


class OperatorPasskeyView(View):
    """A passkey; one that is not `usable` was made for an earlier address of the deployment."""

    __example__: ClassVar = {
        "id": "opk_01kag3pyqmf9aag12vtrsy70ps",
        "name": "Olga's laptop",
        "rpId": "bank.example",
    }

    id: str
    name: str
    rp_id: str
    usable: bool
    created_at: datetime
    last_used_at: datetime | None


class OperatorPasskeysView(View):
    """The operator's passkeys, oldest first; 20 at most."""

    items: Sequence[OperatorPasskeyView]


@post(
    "/v1/operator/sessions/passkey/options",
    opt=PUBLIC,
    guards=DOOR,
    tags=COMING_IN,
    status_code=200,
    summary="Ask for a passkey",
)
async def ask_operator_passkey(
    request: Req, identity: Parts, data: JSONBody[PasskeyOfferBody]
) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.get`."""
    check_own_place(identity, request)
    if data.challenge is None:
        return options_view(granted(await passkeys.ask_for_any(identity)))
    return options_view(granted(await by_passkey.ask_half(identity, data.challenge)))


@post(
    "/v1/operator/sessions/passkey",
    opt=PUBLIC,
    guards=DOOR,
    tags=COMING_IN,
    status_code=200,
    summary="Sign in with a passkey",
)
async def sign_in_by_passkey(
    request: Req, identity: Parts, data: JSONBody[OperatorPasskeyBody]
) -> Response[MeView]:
    """Begin a session by a passkey, beside the password or alone.

    Alone it must have verified its holder; whose it is and in which tenant, it says itself.
    """
    check_own_place(identity, request)
    given, browser = data.credential.read(), browser_of(identity, request)
    if data.challenge is None:
        signed_in = await by_passkey.sign_in_by_passkey(identity, given, browser)
    else:
        signed_in = await by_passkey.finish_by_passkey(
            identity, data.challenge, given, client_address(request), browser
        )
    return await entered(identity, granted(signed_in))


@post(
    "/v1/operator/sessions/enrol/passkey",
    opt=PUBLIC,
    guards=DOOR,
    tags=COMING_IN,
    status_code=200,
    summary="Begin with a first passkey",
)
async def begin_first_passkey(
    request: Req, identity: Parts, data: JSONBody[FirstPasskeyBody]
) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.create`."""
    check_own_place(identity, request)
    return options_view(granted(await by_passkey.begin_first_passkey(identity, data.challenge)))


@post(
    "/v1/operator/sessions/confirm/passkey",
    opt=PUBLIC,
    guards=DOOR,
    tags=COMING_IN,
    status_code=200,
    summary="Finish a sign-in with a first passkey",
)
async def confirm_first_passkey(
    request: Req, identity: Parts, data: JSONBody[ConfirmPasskeyBody]
) -> Response[MeView]:
    """Keep the passkey and begin a session; the recovery codes are shown this once."""
    check_own_place(identity, request)
    signed_in = await by_passkey.confirm_first_passkey(
        identity,
        data.challenge,
        data.credential.read(),
        data.name,
        client_address(request),
        browser_of(identity, request),
    )
    return await entered(identity, granted(signed_in))


@post(
    "/v1/operator/step-up/passkey/options",
    guards=OWN,
    tags=TAGS,
    status_code=200,
    summary="Ask for a passkey to prove who one is again",
)
async def ask_step_up_passkey(request: Req, identity: Parts, caller: Who) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.get`."""
    check_own_place(identity, request)
    plane = await plane_of(identity, caller)
    asked = await passkeys.ask_for_use(identity, plane, caller.principal, verified=True)
    return options_view(granted(asked))


@post(
    "/v1/operator/step-up/passkey",
    guards=OWN,
    tags=TAGS,
    status_code=200,
    summary="Prove who one is again with a passkey",
)
async def step_up_by_passkey(
    request: Req, identity: Parts, caller: Who, data: JSONBody[OperatorStepUpPasskeyBody]
) -> Response[MeView]:
    """Open dangerous calls for ten minutes; the session gets a new cookie and a new csrf token."""
    check_own_place(identity, request)
    plane, cookie = await plane_of(identity, caller), cookie_of(identity, request)
    fresh = await by_passkey.step_up_by_passkey(
        identity, plane, cookie, caller.principal, data.credential.read()
    )
    return await renewed(identity, granted(fresh))


@post(
    "/v1/operator/passkeys/options",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Begin with a passkey as an operator",
)
async def begin(request: Req, identity: Parts, caller: Who) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.create`."""
    check_own_place(identity, request)
    plane = await plane_of(identity, caller)
    return options_view(granted(await passkeys.ask_for_new(identity, plane, caller.principal)))


@post("/v1/operator/passkeys", guards=FRESH, tags=TAGS, summary="Add a passkey as an operator")
async def add(
    request: Req, identity: Parts, caller: Who, data: JSONBody[AddOperatorPasskeyBody]
) -> AddedOperatorPasskeyView:
    """Keep a passkey: it signs in by itself, and is a second factor beside the password."""
    check_own_place(identity, request)
    plane = await plane_of(identity, caller)
    added = granted(
        await keep_factors.add_passkey(
            identity, plane, caller.principal, data.credential.read(), data.name
        )
    )
    return AddedOperatorPasskeyView(added.id, added.recovery_codes)


@get("/v1/operator/passkeys", guards=OWN, tags=TAGS, summary="List one's passkeys as an operator")
async def list_all(identity: Parts, caller: Who) -> OperatorPasskeysView:
    """List the operator's passkeys."""
    plane = await plane_of(identity, caller)
    found = await keep_factors.list_passkeys(identity, plane, caller.principal)
    return OperatorPasskeysView([_view(one) for one in found])


@patch(
    "/v1/operator/passkeys/{passkey_id:str}",
    guards=OWN,
    tags=TAGS,
    status_code=204,
    summary="Rename a passkey as an operator",
)
async def rename(
    identity: Parts,
    caller: Who,
    passkey_id: OperatorPasskeyId,
    data: JSONBody[RenameOperatorPasskeyBody],
) -> None:
    """Give a passkey another name."""
    plane = await plane_of(identity, caller)
    refusal = await keep_factors.rename_passkey(
        identity, plane, caller.principal, passkey_id, data.name
    )
    if refusal is not None:
        raise problem_for(refusal)


@delete(
    "/v1/operator/passkeys/{passkey_id:str}",
    guards=FRESH,
    tags=TAGS,
    status_code=204,
    summary="Remove a passkey as an operator",
)
async def remove(identity: Parts, caller: Who, passkey_id: OperatorPasskeyId) -> None:
    """Take no more proofs of the passkey, and end all other sessions; one factor always stays."""
    plane = await plane_of(identity, caller)
    refusal = await keep_factors.remove_passkey(
        identity, plane, caller.principal, caller.session_id or "", passkey_id
    )
    if refusal is not None:
        raise problem_for(refusal)


@delete(
    "/v1/operator/app",
    guards=FRESH,
    tags=TAGS,
    status_code=204,
    summary="Remove one's authenticator app",
)
async def remove_app(identity: Parts, caller: Who) -> None:
    """Take no more codes of the app, and end all other sessions; a passkey must be there."""
    plane = await plane_of(identity, caller)
    refusal = await keep_factors.remove_app(
        identity, plane, caller.principal, caller.session_id or ""
    )
    if refusal is not None:
        raise problem_for(refusal)


@post(
    "/v1/operator/recovery-codes",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Make new recovery codes as an operator",
)
async def renew_codes(identity: Parts, caller: Who) -> OperatorRecoveryCodesView:
    """Answer ten codes, good in place of all earlier ones; they are shown this once."""
    plane = await plane_of(identity, caller)
    return OperatorRecoveryCodesView(
        await keep_factors.renew_codes(identity, plane, caller.principal)
    )


def _view(passkey: Passkey) -> OperatorPasskeyView:
    return OperatorPasskeyView(
        id=passkey.id,
        name=passkey.name,
        rp_id=passkey.rp_id,
        usable=passkey.usable,
        created_at=passkey.created_at,
        last_used_at=passkey.last_used_at,
    )


ROUTES = (
    ask_operator_passkey,
    sign_in_by_passkey,
    begin_first_passkey,
    confirm_first_passkey,
    ask_step_up_passkey,
    step_up_by_passkey,
    begin,
    add,
    list_all,
    rename,
    remove,
    remove_app,
    renew_codes,
)
