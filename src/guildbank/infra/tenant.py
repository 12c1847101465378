"""What a request knows of its tenant: the struct that rooms pass down, filled in by tenancy."""

from typing import Literal

import msgspec

CONTROL_SCHEMA = "guildbank"
"""The PostgreSQL schema of what belongs to no tenant."""


class TenantRef(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant: `id` (`ten_...`), `slug`, the PostgreSQL `schema` of its tables, and its state.

    A tenant of mode `test` may use sandbox providers, a live one may not. A suspended tenant
    refuses writes and keeps reads.
    """

    id: str
    slug: str
    schema: str
    mode: Literal["live", "test"]
    state: Literal["active", "suspended", "deleted"]
