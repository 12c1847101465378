"""What crosses tenancy's door: tenants, their settings, and the port to their journal."""

from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from guildbank.infra.database import Tx

Mode: TypeAlias = Literal["live", "test"]
State: TypeAlias = Literal["active", "suspended", "deleted"]
SpentCoins: TypeAlias = Literal["refuse", "debt"]


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's policies.

    `spent_coins` decides a refund of coins already spent: refuse it, or book a debt.
    `cors_origins` are the origins whose pages may call in a browser.
    """

    spent_coins: SpentCoins = "refuse"
    cors_origins: tuple[str, ...] = ()


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as an operator sees it."""

    ref: TenantRef
    name: str
    settings: TenantSettings
    created_at: datetime


class Deleted(msgspec.Struct, frozen=True):
    """A tenant that is gone, and the file that holds what it was."""

    slug: str
    archive: "Path"


class JournalHead(msgspec.Struct, frozen=True):
    """Where a tenant's journal stands: its last seq and the hash of its newest batch."""

    seq: int
    hash: bytes


class JournalPort(Protocol):
    """What tenancy asks of the journal, which stands above it; the app plugs it in.

    Both run in the given transaction, whose search_path is the tenant's schema.
    """

    async def set_writable(self, tx: "Tx", writable: bool, principal: str) -> None:
        """Wait for the journal's lock and say whether it takes entries from here on.

        A change is an entry by `principal`.
        """
        ...

    async def head(self, tx: "Tx") -> JournalHead:
        """Return the newest batch."""
        ...


SYSTEM = "system"
"""The principal of what the command line does, where nobody signs in."""

NO_TENANT = Refusal(code="not_found", detail="There is no such tenant.")
SLUG_TAKEN = Refusal(
    code="slug_taken",
    detail="This slug is or was used by a tenant. Slugs are never used twice.",
    field="slug",
)
NOT_CONFIRMED = Refusal(
    code="confirmation_mismatch",
    detail="Send the tenant's slug as `confirm` to delete it with all its data.",
    field="confirm",
)
SCHEMA_OUTDATED = Refusal(
    code="migration_pending",
    detail="The database has another version than this server. Run `guildbank migrate` first.",
)
