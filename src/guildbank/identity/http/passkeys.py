"""Routes by which a player adds, lists, names and removes passkeys."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import delete, get, patch, post
from litestar.params import PathParameter

from guildbank.identity.http.proofs import AttestationBody, PasskeyOptionsView, options_view
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.add_passkey import add_passkey, begin_passkey
from guildbank.identity.usecases.factors.read_factors import list_passkeys
from guildbank.identity.usecases.factors.remove_factor import remove_factor
from guildbank.identity.usecases.factors.rename_passkey import rename_passkey
from guildbank.infra.http import (
    Body,
    JSONBody,
    Line,
    Service,
    View,
    Who,
    fresh_session,
    granted,
    own_session,
    problem_for,
)

Parts = Service[Identity]
OWN = [own_session]
FRESH = [fresh_session]
TAGS: Sequence[str] = ["Second factor"]
PasskeyId = Annotated[str, PathParameter(description="The passkey's id.", max_length=90)]


class AddPasskeyBody(Body):
    """What the browser made, and a name for it."""

    __example__: ClassVar = {"name": "Alice's phone"}

    credential: AttestationBody
    name: Line


class RenamePasskeyBody(Body):
    """The passkey's new name."""

    __example__: ClassVar = {"name": "Old phone"}

    name: Line


class AddedPasskeyView(View):
    """The passkey, and ten recovery codes, shown this once, where the player had none."""

    __example__: ClassVar = {
        "id": "passkey_01kag3pyqmf9aag12vtrsy70ps",
        "recoveryCodes": ["k7wq-p2mn-x8ru", "h3tz-9dkc-mw4e"],
    }

    id: str
    recovery_codes: Sequence[str] | None


class PasskeyView(View):
    """A passkey. One that is not `usable` was made for a host that the tenant has given up."""

    __example__: ClassVar = {
        "id": "passkey_01kag3pyqmf9aag12vtrsy70ps",
        "name": "Alice's phone",
        "rpId": "play.moonlit.example",
    }

    id: str
    name: str
    rp_id: str
    usable: bool
    created_at: datetime
    last_used_at: datetime | None


class PasskeysView(View):
    """The player's passkeys, oldest first; 20 at most."""

    items: Sequence[PasskeyView]


@post(
    "/v1/passkeys/options",
    guards=FRESH,
    tags=TAGS,
    status_code=200,
    summary="Begin with a passkey",
)
async def begin(identity: Parts, caller: Who) -> PasskeyOptionsView:
    """Return what the page passes to `navigator.credentials.create`."""
    session = (caller.principal, caller.session_id or "")
    return options_view(granted(await begin_passkey(identity, caller.home, *session)))


@post("/v1/passkeys", guards=FRESH, tags=TAGS, summary="Add a passkey")
async def add(identity: Parts, caller: Who, data: JSONBody[AddPasskeyBody]) -> AddedPasskeyView:
    """Keep a passkey: it signs in by itself, and is a second factor beside a password."""
    session = (caller.principal, caller.session_id or "")
    made = granted(
        await add_passkey(identity, caller.home, *session, data.credential.read(), data.name)
    )
    return AddedPasskeyView(made.passkey_id, made.recovery_codes)


@get("/v1/passkeys", guards=OWN, tags=TAGS, summary="List one's passkeys")
async def list_all(identity: Parts, caller: Who) -> PasskeysView:
    """List the player's passkeys."""
    found = await list_passkeys(identity, caller.home, caller.principal)
    return PasskeysView(
        [
            PasskeyView(
                id=one.id,
                name=one.name,
                rp_id=one.rp_id,
                usable=one.usable,
                created_at=one.created_at,
                last_used_at=one.last_used_at,
            )
            for one in found
        ]
    )


@patch("/v1/passkeys/{passkey_id:str}", guards=OWN, tags=TAGS, status_code=204, summary="Rename")
async def rename(
    identity: Parts, caller: Who, passkey_id: PasskeyId, data: JSONBody[RenamePasskeyBody]
) -> None:
    """Give a passkey another name."""
    refusal = await rename_passkey(identity, caller.home, caller.principal, passkey_id, data.name)
    if refusal is not None:
        raise problem_for(refusal)


@delete(
    "/v1/passkeys/{passkey_id:str}",
    guards=FRESH,
    tags=TAGS,
    status_code=204,
    summary="Remove a passkey",
)
async def remove(identity: Parts, caller: Who, passkey_id: PasskeyId) -> None:
    """Take no more proofs of the passkey, and end all other sessions."""
    session = (caller.principal, caller.session_id or "")
    refusal = await remove_factor(identity, caller.home, *session, "passkey", passkey_id)
    if refusal is not None:
        raise problem_for(refusal)


ROUTES = (begin, add, list_all, rename, remove)
