"""The shelf of what operators may do now: acts that need a second person ask it under the lock."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Rows, Statement

READ = """
SELECT operator.id,
       operator.state,
       ARRAY(
           SELECT held.role
           FROM identity_operator_role AS held
           WHERE held.operator_id = operator.id
       ),
       ARRAY(
           SELECT DISTINCT permission
           FROM identity_operator_role AS held
           JOIN identity_role AS role ON role.name = held.role
           CROSS JOIN unnest(role.permissions) AS permission
           WHERE held.operator_id = operator.id
       )
FROM identity_operator AS operator
WHERE operator.id = ANY($1::text[])
"""


class Held(NamedTuple):
    """An operator's state and roles, and what the roles that are not built in permit."""

    state: str
    roles: Sequence[str]
    permissions: frozenset[str]


class OperatorRights:
    """Operators by id; read only."""

    order: ClassVar[int] = IDENTITY_ORDER + 7
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that exist."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Held]:
        """Return them by id."""
        return {row[0]: Held(row[1], tuple(row[2]), frozenset(row[3])) for row in rows}

    def saving(self, changed: Mapping[str, Held]) -> Sequence[Statement]:
        """Write nothing: no act changes operators."""
        return ()


OPERATOR_RIGHTS = OperatorRights()
