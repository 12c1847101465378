"""What one person may do to another: nobody gives what they lack, nor touches who can do more."""

from collections.abc import Mapping, Sequence

import msgspec

from guildbank.identity.contracts.operators import (
    NOT_ONESELF,
    OWNER,
    OWNERS_ONLY,
    SUSPENDED,
    Operator,
)
from guildbank.identity.rules import check_gift, permitted_by
from guildbank.identity.store.operators import people
from guildbank.identity.store.operators import roles as store
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes something: `operator_id` None is the host, on which everything may be done.

    `meaning` is every role of the plane with its permissions.
    """

    operator_id: str | None
    name: str
    owner: bool
    held: frozenset[str] | None
    meaning: Mapping[str, frozenset[str]]

    def check_gift(self, roles: Sequence[str]) -> Refusal | None:
        """Return why these roles cannot be given. `invalid_value`, `permission_not_held`."""
        return check_gift(roles, self.meaning, self.held, owner=self.owner)

    def check_target(self, target: Operator) -> Refusal | None:
        """Return why this operator cannot be changed. `not_oneself`, `permission_not_held`."""
        if target.id == self.operator_id:
            return NOT_ONESELF
        if OWNER in target.roles and not self.owner:
            return OWNERS_ONLY
        more = permitted_by(target.roles, self.meaning) - (self.held or frozenset())
        if self.held is not None and more:
            return Refusal(
                code="permission_not_held",
                detail=f"This operator has the permission {min(more)}, which your own roles lack.",
            )
        return None


async def authority_of(plane: Plane, tx: Tx, operator_id: str | None) -> Authority | Refusal:
    """Take this plane's turn to change operators or roles, and return what its taker may do.

    It is read under the turn, so that nobody acts on roles that were just taken. Refusal:
    `operator_suspended`.
    """
    await people.take_turns(tx.driver)
    meaning = {**await store.all_of(tx.driver), **plane.built_in}
    if operator_id is None:
        return Authority(operator_id=None, name="Guildbank", owner=True, held=None, meaning=meaning)
    operator = await people.one(tx.driver, operator_id)
    if operator is None or operator.state != "active":
        return SUSPENDED
    return Authority(
        operator_id=operator_id,
        name=operator.name,
        owner=OWNER in operator.roles,
        held=permitted_by(operator.roles, meaning),
        meaning=meaning,
    )
