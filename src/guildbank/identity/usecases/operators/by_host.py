"""What whoever holds the host may do without a session: make, list and suspend operators."""

from collections.abc import Sequence

import msgspec

from guildbank.identity.contracts.events import OPERATOR_JOINED
from guildbank.identity.contracts.operators import ADDRESS_TAKEN, NO_OPERATOR, Operator
from guildbank.identity.rules import read_email
from guildbank.identity.store.operators import people
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.authority import authority_of
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.protection.check import check_new_password
from guildbank.infra.acting import HOST
from guildbank.kernel import Refusal, new_id


async def create_operator(
    identity: Identity,
    plane: Plane,
    address: str,
    name: str,
    roles: Sequence[str],
    password: str,
) -> Operator | Refusal:
    """Make an operator with a password, who sets up an authenticator app at the first sign-in.

    Refusals: `address_invalid`, `operator_exists`, `invalid_value`, and those of a new password.
    """
    email = read_email(address)
    if isinstance(email, Refusal):
        return msgspec.structs.replace(email, field="address")
    good = await check_new_password(identity, password, [address, name])
    if isinstance(good, Refusal):
        return good
    hash_ = await identity.passwords.hash(good)
    operator = Operator(
        id=new_id("op"),
        address=email.address,
        name=name,
        state="active",
        roles=tuple(sorted(set(roles))),
        second_factor=False,
        created_at=identity.clock.now(),
    )
    async with identity.db.begin(plane.schema) as tx:
        authority = await authority_of(plane, tx, None)
        if isinstance(authority, Refusal):
            return authority
        refused = authority.check_gift(operator.roles)
        if refused is not None:
            return refused
        if not await people.add(tx.driver, operator, email.canonical, hash_):
            return ADDRESS_TAKEN
        await plane.recorder.record(
            tx,
            HOST,
            OPERATOR_JOINED,
            {"operatorId": operator.id},
            after={"address": operator.address, "name": name, "roles": operator.roles},
        )
    return operator


async def find_operator(identity: Identity, plane: Plane, address: str) -> Operator | Refusal:
    """Return the operator of an address. Refusals: `address_invalid`, `not_found`."""
    email = read_email(address)
    if isinstance(email, Refusal):
        return msgspec.structs.replace(email, field="address")
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await people.by_address(tx.driver, email.canonical) or NO_OPERATOR
