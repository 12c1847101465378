"""Write to a player about their own sign-in: what was used, added or removed."""

from collections.abc import Mapping

from guildbank.identity.contracts.factors import FactorKind, Factors
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import Mail, SealedMail, seal_mail

UNKNOWN = "—"
MAX_SHOWN = 200


async def seal_notice(
    identity: Identity,
    tenant: TenantRef,
    factors: Factors,
    template: str,
    values: Mapping[str, str],
) -> SealedMail | None:
    """Return the mail to the player's confirmed address; None for who has none.

    It says when, in UTC, beside `values`.
    """
    if factors.address is None:
        return None
    now = identity.clock.now()
    shown = {name: value[:MAX_SHOWN] or UNKNOWN for name, value in values.items()}
    mail = Mail(
        template=template,
        to=factors.address,
        locale=factors.locale,
        values={**shown, "time": f"{now:%Y-%m-%d %H:%M} UTC"},
    )
    sealed = await seal_mail(identity.notify, tenant, mail, now)
    if isinstance(sealed, Refusal):
        raise ValueError(f"{template} cannot be written: {sealed.code} {sealed.field}")
    return sealed


async def seal_change(
    identity: Identity, tenant: TenantRef, factors: Factors, kind: FactorKind, *, added: bool
) -> SealedMail | None:
    """Return the mail that tells that a second factor was added or removed."""
    template = "identity.factor_added" if added else "identity.factor_removed"
    return await seal_notice(identity, tenant, factors, template, {"factor": kind})
