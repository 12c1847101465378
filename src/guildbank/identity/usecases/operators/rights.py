"""Say, under the journal's lock, what an operator may do now: `approvals.Rights`."""

from collections.abc import Iterable

from guildbank.identity.contracts.operators import Permissions
from guildbank.identity.rules import permitted_by
from guildbank.identity.store import keys
from guildbank.identity.store.operators.rights import OPERATOR_RIGHTS
from guildbank.infra.cache import Recent
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.http import DEPLOYMENT_SCOPE
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Need, Stage
from guildbank.kernel import Clock, parse_id

MAKERS_FRESH_SECONDS = 1.0


class StaffRights:
    """What operators and applications may do, by `permissions` of the app."""

    def __init__(self, db: Database, clock: Clock, permissions: Permissions) -> None:
        self._db = db
        self._clock = clock
        self._permissions = permissions
        self._makers = Recent(self._load_makers, seconds=MAKERS_FRESH_SECONDS)

    def is_person(self, principal: str) -> bool:
        """Say whether the principal is an operator: an application's id looks otherwise."""
        return parse_id("op", principal) is not None

    def needs(self, principal: str) -> Iterable[Need]:
        """Return the operator's state and roles."""
        return ((OPERATOR_RIGHTS, principal),) if self.is_person(principal) else ()

    def permitted(
        self, stage: Stage, tenant: TenantRef | None, principal: str
    ) -> frozenset[str] | None:
        """Return what an active operator may do, else None."""
        found = stage.get(OPERATOR_RIGHTS, principal)
        if found is None or found.state != "active":
            return None
        known = self._permissions
        built_in = known.deployment_roles if tenant is None else known.tenant_roles
        there_is = known.deployment if tenant is None else known.tenant
        held = found.permissions | permitted_by(found.roles, built_in)
        return held.intersection(there_is)

    async def machine_may(self, tenant: TenantRef | None, principal: str, permission: str) -> bool:
        """Say whether a good key of the application has the scope, all of them at the deployment.

        Keys are outside the tenant's schema, so this is asked before its transaction.
        """
        now = self._clock.now()
        tenant_id = None if tenant is None else tenant.id
        wanted = DEPLOYMENT_SCOPE if tenant is None else permission
        async with self._db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            return await keys.application_may(tx, principal, tenant_id, wanted, now)

    async def makers(self, principal: str, *, now: bool = False) -> tuple[str, ...]:
        """Return the operators who made keys of an application, in order of ids.

        Whoever made the keys by which those were made is one too. Nobody made an operator.
        """
        if parse_id("app", principal) is None:
            return ()
        return await (self._load_makers if now else self._makers.get)(principal)

    async def _load_makers(self, application: str) -> tuple[str, ...]:
        async with self._db.connect() as tx:
            return await keys.makers_of(tx, application)
