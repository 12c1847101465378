"""Write to operators about their own account, so that nobody changes it behind their back.

A notice is sealed before the transaction of what it tells of and commits with it.
"""

from guildbank.identity.contracts.operators import Operator
from guildbank.identity.store.operators import people
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.acting import ACTING
from guildbank.kernel import Refusal
from guildbank.notify import Mail, SealedMail, seal_mail

UNKNOWN = "—"
MAX_SHOWN = 200


async def seal_notice(
    identity: Identity, plane: Plane, to: Operator, template: str, **values: str
) -> SealedMail:
    """Return the mail to the operator; not for the inside of a transaction.

    Beside `values` it says when, in UTC, and from which address, and leads to the page where the
    operator keeps the account.
    """
    now, acting = identity.clock.now(), ACTING.get()
    shown = {name: value[:MAX_SHOWN] or UNKNOWN for name, value in values.items()}
    where = "deployment=true" if plane.tenant is None else f"tenant={plane.tenant.slug}"
    mail = Mail(
        template=f"identity.{template}",
        to=to.address,
        values={
            **shown,
            "time": f"{now:%Y-%m-%d %H:%M} UTC",
            "place": (acting and acting.address) or UNKNOWN,
            "link": f"/operator?{where}",
        },
        audience="operator",
    )
    sealed = await seal_mail(identity.notify, plane.tenant, mail, now)
    if isinstance(sealed, Refusal):
        raise ValueError(f"{template} cannot be written: {sealed.code} {sealed.field}")
    return sealed


async def seal_notice_to(
    identity: Identity, plane: Plane, operator_id: str, template: str, **values: str
) -> SealedMail | None:
    """Return what `seal_notice` does, by the operator's id; None for who is one no more."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        operator = await people.one(tx.driver, operator_id)
    if operator is None:
        return None
    return await seal_notice(identity, plane, operator, template, **values)
