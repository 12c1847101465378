"""Let a colleague, or who holds the host, take the second factors from an operator who lost them.

The password stays, or the studio's sign-in, so whoever talked somebody into this does not come in
by it alone; the operator hears of it at once, and sets a new factor up at the next sign-in.
"""

from guildbank.identity.contracts.events import FACTORS_CLEARED
from guildbank.identity.contracts.operators import NO_FACTORS, Operator
from guildbank.identity.store.operators import factors, passkeys, people, sessions
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.change_operator import target_of
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.operators.tell import seal_notice_to
from guildbank.infra.acting import HOST
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal
from guildbank.notify import SealedMail, queue_mail


async def clear_factors(
    identity: Identity, plane: Plane, by: str | None, operator_id: str
) -> Operator | Refusal:
    """Take app, passkeys and recovery codes from an operator, and end all sessions.

    `by` is who does it, None the host. Refusals: `not_found`, `not_oneself`, `permission_not_held`,
    `no_second_factor`, `operator_suspended` (who does it).
    """
    notice = await prepare_to_clear(identity, plane, by, operator_id)
    async with identity.db.begin(plane.schema) as tx:
        return await clear_within(plane, tx, by, operator_id, notice)


async def prepare_to_clear(
    identity: Identity, plane: Plane, by: str | None, operator_id: str
) -> SealedMail | None:
    """Return the mail that `clear_within` sends; outside any transaction."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        actor = None if by is None else await people.one(tx.driver, by)
    told = {"by": "" if actor is None else actor.name}
    return await seal_notice_to(identity, plane, operator_id, "operator_factors_cleared", **told)


async def clear_within(
    plane: Plane, tx: Tx, by: str | None, operator_id: str, notice: SealedMail | None
) -> Operator | Refusal:
    """Do what `clear_factors` does in the caller's transaction; a refusal is not to commit."""
    found = await target_of(plane, tx, by, operator_id)
    if isinstance(found, Refusal):
        return found
    target, _ = found
    await passkeys.lock(tx.driver, target.id)
    if not target.second_factor:
        return NO_FACTORS
    await factors.forget_factors(tx.driver, target.id)
    await passkeys.forget(tx.driver, target.id)
    await sessions.end(tx.driver, [target.id])
    if notice is not None:
        await queue_mail(tx, notice)
    told = {"operatorId": target.id}
    await plane.recorder.record(tx, by or HOST, FACTORS_CLEARED, told)
    return await people.one(tx.driver, target.id) or target
