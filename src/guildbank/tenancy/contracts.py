"""What crosses tenancy's door: tenants, their settings, and the port to their journal."""

from collections.abc import Mapping
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
SpentCoins: TypeAlias = Literal["refuse", "debt", "write_off"]
Locale: TypeAlias = Literal["en", "ru"]
"""The languages that Guildbank writes to people in."""
SecondFactor: TypeAlias = Literal["off", "optional", "required"]
"""Whether players may have a second factor: not, as they like, or nobody comes in without one."""
GuardedAction: TypeAlias = Literal["payout", "change_email", "change_password", "link_identity"]
"""What a tenant may want proved by a second factor within the last minutes."""


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a tenant's mail looks and who answers it; `locale` is for readers who chose none.

    `brand_name` is the tenant's name unless it is given, `from_name` is the brand's. `brand_color`
    is `#rrggbb`.
    """

    from_name: str | None = None
    reply_to: str | None = None
    brand_name: str | None = None
    brand_color: str = "#2f4858"
    logo_url: str | None = None
    support_address: str | None = None
    locale: Locale = "en"


class PasskeySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whose passkeys a tenant takes: WebAuthn's relying party, and the pages that may ask for one.

    `rp_id` is a host name, and each of `origins` is of that host or one below it. No two tenants,
    nor a tenant and the deployment, have relying parties of which one lies within the other.
    """

    rp_id: str
    origins: tuple[str, ...]


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's policies.

    `spent_coins` decides a refund of coins already spent, where a currency has no policy of its
    own: refuse it, book a debt, or write them off. `public_url`
    is the address of the tenant's pages, without a slash at its end: every mailed link begins so.
    `default_currency` is the code of the coins that players' account pages show and buy.
    `cors_origins` are the origins whose pages may call in a browser. `second_factor` is what is
    asked of who signs in, and each of `second_factor_actions` asks for one anew. Without `passkeys`
    nobody can make one. A player who asks to be erased has `erasure_wait_days` to sign in and undo
    it. For `exchanges_kept_days` it is kept what providers, plugins and callers exchanged about a
    payment; with 0 none of it is. From `reconcile_hour` on, in UTC, the day before is held against
    what providers report; without an hour no day is by itself. For `payout_cooloff_hours` after a
    new destination, password or address a player is paid nothing out.
    """

    spent_coins: SpentCoins = "refuse"
    default_currency: str | None = None
    public_url: str | None = None
    mail: MailSettings = MailSettings()
    cors_origins: tuple[str, ...] = ()
    second_factor: SecondFactor = "optional"
    second_factor_actions: tuple[GuardedAction, ...] = ()
    passkeys: PasskeySettings | None = None
    erasure_wait_days: int = 14
    exchanges_kept_days: int = 90
    reconcile_hour: int | None = 6
    payout_cooloff_hours: int = 72


class Tenant(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant as an operator sees it."""

    ref: TenantRef
    name: str
    settings: TenantSettings
    created_at: datetime


class Deleted(msgspec.Struct, frozen=True):
    """A tenant that is gone, and the file that holds what it was."""

    ref: TenantRef
    archive: "Path"

    @property
    def slug(self) -> str:
        """The slug, which is never used again."""
        return self.ref.slug


class JournalHead(msgspec.Struct, frozen=True):
    """Where a tenant's journal stands: its last seq and the hash of its newest batch."""

    seq: int
    hash: bytes


class JournalPort(Protocol):
    """What tenancy asks of the journal, which stands above it; the app plugs it in.

    All run in the given transaction, whose search_path is the tenant's schema, but for `record`.
    """

    async def set_writable(self, tx: "Tx", writable: bool, principal: str) -> None:
        """Wait for the journal's lock and say whether it takes entries from here on.

        A change is an entry by `principal`.
        """
        ...

    async def note(self, tx: "Tx", kind: str, data: Mapping[str, object], principal: str) -> None:
        """Write an entry about the tenant itself, which a suspended one takes too."""
        ...

    async def record(
        self,
        tx: "Tx",
        principal: str,
        kind: str,
        told: Mapping[str, object],
        *,
        before: object = None,
        after: object = None,
    ) -> None:
        """Write an entry to the deployment's own journal, the last thing before the commit."""
        ...

    async def begin_epoch(self, tx: "Tx", told: Mapping[str, object], *, writable: bool) -> None:
        """Say that the journal goes on from a restored backup, which no process has followed.

        Its epoch rises, so that no batch after it has the hash of one that was lost.
        """
        ...

    async def head(self, tx: "Tx") -> JournalHead:
        """Return the newest batch."""
        ...


CREATED = "tenancy.created"
CHANGED = "tenancy.changed"
HOSTS_SET = "tenancy.hosts_set"
SUSPENDED = "tenancy.suspended"
RESUMED = "tenancy.resumed"
DELETED = "tenancy.deleted"
BACKED_UP = "backups.made"
RESTORED = "backups.restored"
RECIPIENT_SET = "backups.recipient_set"
"""Kinds of entries, most of them in the journal of the deployment."""

NO_TENANT = Refusal(code="not_found", detail="There is no such tenant.")
SLUG_TAKEN = Refusal(
    code="slug_taken",
    detail="This slug is or was used by a tenant. Slugs are never used twice.",
    field="slug",
)
HOST_TAKEN = Refusal(
    code="host_taken", detail="This host leads to another tenant already.", field="hosts"
)
RP_ID_TAKEN = Refusal(
    code="rp_id_taken",
    detail=(
        "Passkeys of this host would be shared: it is, holds, or lies within the host of the "
        "deployment or of another tenant's passkeys. Take a host of this tenant's own."
    ),
    field="settings.passkeys.rpId",
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
