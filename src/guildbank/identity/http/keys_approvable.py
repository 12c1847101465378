"""Keys as they wait for a second person: agreed to, and made when who asked fetches them.

Whoever agrees never sees the token, nor is it stored between: it is made when it is fetched.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.approvals import Approvable, Change
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.machines.agreed_key import MakeKey, RenewKey, making, renewing
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Receipt
from guildbank.kernel import Refusal

WRITE = "keys:write"
CREATE, ROTATE = "keys.create", "keys.rotate"


async def _create(
    services: Any, tenant: TenantRef | None, by: str, command: MakeKey
) -> Change | Refusal:
    identity: Identity = services.identity
    make = await making(identity, tenant, by, command)
    return make if isinstance(make, Refusal) else _change(identity, make)


async def _rotate(
    services: Any, tenant: TenantRef | None, by: str, command: RenewKey
) -> Change | Refusal:
    identity: Identity = services.identity
    make = await renewing(identity, tenant, by, command)
    return make if isinstance(make, Refusal) else _change(identity, make)


def _change(identity: Identity, make: Any) -> Change:
    async def then() -> None:
        identity.keys.forget()

    return Change(make=make, then=then)


def _show_create(command: MakeKey) -> Mapping[str, Any]:
    one = command.wanted
    return {
        "name": one.name,
        "kind": one.kind,
        "scopes": list(one.scopes),
        "tenant": command.tenant,
        "application": one.application,
        "allowedAddresses": list(one.allowed_addresses),
        "expiresAt": None if one.expires_at is None else one.expires_at.isoformat(),
    }


def _show_rotate(command: RenewKey) -> Mapping[str, Any]:
    return {"keyId": command.key_id, "overlapSeconds": command.overlap_seconds}


def _answer(receipt: Receipt) -> Any:
    """Say which key it became; the token is in the answer of the fetch alone."""
    return msgspec.json.decode(receipt.data)


APPROVABLES = (
    Approvable(
        verb=CREATE,
        permission=WRITE,
        meaning="Make a key; who asked fetches it.",
        command=MakeKey,
        show=_show_create,
        change=_create,
        answer=_answer,
        of="both",
        fetched=True,
    ),
    Approvable(
        verb=ROTATE,
        permission=WRITE,
        meaning="Rotate a key; who asked fetches its successor, and the overlap begins then.",
        command=RenewKey,
        show=_show_rotate,
        change=_rotate,
        answer=_answer,
        of="both",
        fetched=True,
    ),
)
