"""The tables of identity, by subject; those of tenants, and of keys in the control schema."""

from guildbank.identity.tables import lives, machines, operators, players, sign_in
from guildbank.infra.schema import add_tenant_ddl

__all__ = ["IDENTITY_ORDER", "lives", "machines", "operators", "players", "sign_in"]

IDENTITY_ORDER = 40

add_tenant_ddl(
    "identity",
    IDENTITY_ORDER,
    """
CREATE VIEW identity_v_player AS
SELECT id, external_id, state, created_at
FROM identity_player
""",
)
