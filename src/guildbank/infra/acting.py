"""Who acts in this task, from where and why: set at the door, read where a change is recorded."""

from contextvars import ContextVar
from typing import Literal, TypeAlias

import msgspec

from guildbank.infra.tenant import CONTROL_SCHEMA, TenantRef

ActingKind: TypeAlias = Literal["machine", "operator", "host", "stranger"]
HOST = "host"
"""The principal of whoever works on the machine itself, where nobody signs in."""


class Acting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An operator, an application, or whoever sits at the host; players are not recorded so.

    A stranger is whoever has not said yet who they are, and has no principal. `tenant` is None for
    who is of the deployment. `credential` is the key or session that proved it, and `reason` what
    they said of it.
    """

    principal: str
    kind: ActingKind = "host"
    tenant: TenantRef | None = None
    address: str | None = None
    credential: str | None = None
    request_id: str | None = None
    reason: str | None = None

    @property
    def schema(self) -> str:
        """The schema whose journal records what they do."""
        return CONTROL_SCHEMA if self.tenant is None else self.tenant.schema


ACTING: ContextVar[Acting | None] = ContextVar("guildbank_acting", default=None)
"""None where the system acts by itself; a player stays a stranger."""
