"""The deletion of a tenant as it waits for a second person; tenancy, below, does it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from guildbank.approvals.contracts import Approvable, Change
from guildbank.infra.database import Tx
from guildbank.infra.http import DEPLOYMENT_SCOPE
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.tenancy import Deleted, Tenancy, check_deletion_within, delete_within

VERB = "tenants.delete"


class DeleteTenant(msgspec.Struct, frozen=True):
    """Which tenant; its slug was typed twice."""

    slug: str


async def _delete(
    services: Any, _plane: TenantRef | None, by: str, command: DeleteTenant
) -> Change | Refusal:
    tenancy: Tenancy = services.tenancy
    slug, gone = command.slug, list[Deleted]()

    async def look(tx: Tx) -> Refusal | None:
        found = await check_deletion_within(tx, slug, slug)
        return found if isinstance(found, Refusal) else None

    async def make(tx: Tx) -> Deleted | Refusal:
        done = await delete_within(tenancy, tx, slug, slug, by)
        if isinstance(done, Deleted):
            gone.append(done)
        return done

    async def then() -> None:
        tenancy.tenants.forget(gone[-1].ref)

    # An archive is a file, which a transaction that is rolled back would leave.
    return Change(make=make, look=look, then=then)


def _answer(receipt: Receipt) -> Mapping[str, Any]:
    told = msgspec.json.decode(receipt.data)
    return {"slug": told["slug"], "archive": told["archive"], "state": "deleted"}


APPROVABLE = Approvable(
    verb=VERB,
    permission=DEPLOYMENT_SCOPE,
    meaning="Archive a tenant and delete it with all its data.",
    command=DeleteTenant,
    show=lambda command: {"slug": command.slug},
    change=_delete,
    answer=_answer,
    of="deployment",
)
