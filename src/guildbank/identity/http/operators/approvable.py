"""Changes of operators and roles as they wait for a second person, who must be able to make them.

They always wait: who could invite or promote alone would agree with oneself.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from guildbank.approvals import Approvable, Change
from guildbank.identity.contracts.operators import ComesInBy, OperatorState
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.operators import change_operator, clear_factors, invite, own_roles
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.studio import configure
from guildbank.identity.usecases.studio.configure import Wanted
from guildbank.infra.acting import HOST
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

OPERATORS, ROLES = "operators:write", "roles:write"
INVITE, SET_ROLES = "operators.invite", "operators.set_roles"
SUSPEND, REINSTATE, REMOVE = "operators.suspend", "operators.reinstate", "operators.remove"
CLEAR_FACTORS = "operators.clear_factors"
SET_UP_STUDIO = "operators.set_up_sign_in"
MAKE_ROLE, CHANGE_ROLE, DELETE_ROLE = "roles.make", "roles.change", "roles.delete"


class Invite(msgspec.Struct, frozen=True, rename="camel"):
    """Whom to invite, to which roles."""

    address: str
    roles: tuple[str, ...]
    comes_in_by: ComesInBy = "password"


class OneOperator(msgspec.Struct, frozen=True, rename="camel"):
    """Whom to suspend, reinstate or remove, or whose second factors to take."""

    operator_id: str


class GiveRoles(msgspec.Struct, frozen=True, rename="camel"):
    """Which roles an operator is to have."""

    operator_id: str
    roles: tuple[str, ...]


class ShapeRole(msgspec.Struct, frozen=True, rename="camel"):
    """What a role is to permit, a new one or one there is."""

    name: str
    permissions: tuple[str, ...]


class OneRole(msgspec.Struct, frozen=True, rename="camel"):
    """Which role to delete."""

    name: str


Within = Callable[[Identity, Plane, Tx, str | None, Any], Awaitable[Any]]


def _change(
    within: Within,
) -> Callable[[Any, TenantRef | None, str, Any], Awaitable[Change | Refusal]]:
    """Return how a change is made that needs nothing but its plane."""

    async def prepare(
        services: Any, tenant: TenantRef | None, by: str, command: Any
    ) -> Change | Refusal:
        identity: Identity = services.identity
        plane = await identity.staff.plane(tenant)

        async def make(tx: Tx) -> Refusal | None:
            who = None if by == HOST else by
            outcome = await within(identity, plane, tx, who, command)
            return outcome if isinstance(outcome, Refusal) else None

        return Change(make=make)

    return prepare


async def _invite(
    services: Any, tenant: TenantRef | None, by: str, command: Invite
) -> Change | Refusal:
    identity: Identity = services.identity
    plane = await identity.staff.plane(tenant)
    ready = await invite.prepare_invitation(
        identity, plane, by, command.address, command.roles, command.comes_in_by
    )
    if isinstance(ready, Refusal):
        return ready

    async def make(tx: Tx) -> Refusal | None:
        outcome = await invite.invite_within(plane, tx, by, ready)
        return outcome if isinstance(outcome, Refusal) else None

    return Change(make=make)


async def _clear_factors(
    services: Any, tenant: TenantRef | None, by: str, command: OneOperator
) -> Change | Refusal:
    identity: Identity = services.identity
    plane, who = await identity.staff.plane(tenant), None if by == HOST else by
    notice = await clear_factors.prepare_to_clear(identity, plane, who, command.operator_id)

    async def make(tx: Tx) -> Refusal | None:
        outcome = await clear_factors.clear_within(plane, tx, who, command.operator_id, notice)
        return outcome if isinstance(outcome, Refusal) else None

    return Change(make=make)


async def _set_up(
    services: Any, tenant: TenantRef | None, by: str, command: Wanted
) -> Change | Refusal:
    external: ExternalSignIn = services.external
    plane = await external.identity.staff.plane(tenant)
    wrong = configure.check_wanted(external, command)
    if wrong is not None:
        return wrong

    async def make(tx: Tx) -> Refusal | None:
        return await configure.configure_within(external, plane, tx, by, command)

    return Change(make=make)


def _show_wanted(command: Wanted) -> Mapping[str, Any]:
    """Show what is wanted, and of the secret that there is a new one."""
    return {
        "enabled": command.enabled,
        "settings": msgspec.to_builtins(command.settings),
        "groups": msgspec.to_builtins(command.groups),
        "newSecret": command.secret is not None,
    }


def _in_state(state: OperatorState) -> Within:
    async def within(
        _: Identity, plane: Plane, tx: Tx, by: str | None, command: OneOperator
    ) -> Any:
        return await change_operator.set_state_within(plane, tx, by, command.operator_id, state)

    return within


async def _set_roles(_: Identity, plane: Plane, tx: Tx, by: str | None, command: GiveRoles) -> Any:
    return await change_operator.set_roles_within(plane, tx, by, command.operator_id, command.roles)


async def _make_role(
    identity: Identity, plane: Plane, tx: Tx, by: str | None, command: ShapeRole
) -> Any:
    return await own_roles.create_role_within(
        identity, plane, tx, by, command.name, command.permissions
    )


async def _change_role(
    identity: Identity, plane: Plane, tx: Tx, by: str | None, command: ShapeRole
) -> Any:
    return await own_roles.change_role_within(
        identity, plane, tx, by, command.name, command.permissions
    )


async def _delete_role(
    identity: Identity, plane: Plane, tx: Tx, by: str | None, command: OneRole
) -> Any:
    return await own_roles.delete_role_within(identity, plane, tx, by, command.name)


def _of(
    verb: str, permission: str, meaning: str, command: type[Any], change: Any
) -> Approvable[Any]:
    return Approvable(
        verb=verb,
        permission=permission,
        meaning=meaning,
        command=command,
        show=msgspec.to_builtins,
        change=change,
        always=True,
        of="both",
    )


APPROVABLES = (
    _of(INVITE, OPERATORS, "Invite an operator.", Invite, _invite),
    _of(SET_ROLES, OPERATORS, "Give an operator roles.", GiveRoles, _change(_set_roles)),
    _of(SUSPEND, OPERATORS, "Suspend an operator.", OneOperator, _change(_in_state("suspended"))),
    _of(REINSTATE, OPERATORS, "Reinstate an operator.", OneOperator, _change(_in_state("active"))),
    _of(
        CLEAR_FACTORS,
        OPERATORS,
        "Take the second factors that an operator lost.",
        OneOperator,
        _clear_factors,
    ),
    _of(REMOVE, OPERATORS, "Remove an operator.", OneOperator, _change(_in_state("removed"))),
    Approvable(
        verb=SET_UP_STUDIO,
        permission="staff-sign-in:write",
        meaning="Set up how operators come in by the studio's issuer.",
        command=Wanted,
        show=_show_wanted,
        change=_set_up,
        always=True,
        of="both",
    ),
    _of(MAKE_ROLE, ROLES, "Make a role.", ShapeRole, _change(_make_role)),
    _of(CHANGE_ROLE, ROLES, "Change what a role permits.", ShapeRole, _change(_change_role)),
    _of(DELETE_ROLE, ROLES, "Delete a role.", OneRole, _change(_delete_role)),
)
