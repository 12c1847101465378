"""The verbs of tenancy, one a file, and the parts that they work with."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from guildbank.infra.crypto import Vault
from guildbank.infra.database import Database, Tx
from guildbank.infra.migrations import create_tenant_schema
from guildbank.kernel import Clock, SystemClock
from guildbank.tenancy.contracts import JournalPort
from guildbank.tenancy.usecases.find import Tenants


@dataclass(frozen=True, slots=True)
class Tenancy:
    """What the verbs need; the app makes one. `archives` is the folder of deleted tenants.

    `own_hosts` are the deployment's own, whose passkeys are its operators'. `make_schema` makes the
    schema of that name, in the transaction that registers its tenant; it raises SchemaOutdated.
    """

    db: Database
    vault: Vault
    tenants: Tenants
    journal: JournalPort
    archives: Path
    clock: Clock = field(default_factory=SystemClock)
    own_hosts: Collection[str] = ()
    make_schema: Callable[[Tx, str], Awaitable[None]] = create_tenant_schema
