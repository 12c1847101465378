"""Mail what a callback step writes to the player whom an event is about, where there is an address.

A step is shown what was sold and nothing of the person: it writes in all its languages, and which
of them is read, and where, is found out here.
"""

from collections.abc import Sequence

from guildbank.identity import get_profile
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import Mail, SealedMail, seal_mail
from guildbank.payments import store
from guildbank.payments.charged import charges_of
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import Letter, Sold, fault_in_letter

LETTER = "payments.letter"
"""The mail whose words are a callback step's."""
NOBODY = "Nothing was mailed: the player has no confirmed address."


async def sold_for(payments: Payments, tenant: TenantRef, payment_id: str) -> Sold | None:
    """Return what a step is shown of a payment, None where there is none."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
    return None if intent is None else sold_of(intent)


def sold_of(intent: Intent) -> Sold:
    """Return what a step is shown of a payment."""
    return Sold(
        payment_id=intent.id,
        title=intent.title,
        amount_minor=intent.amount_minor,
        currency=intent.money,
        game_currency=intent.currency,
        coins=intent.coins,
        bonus=intent.bonus,
        credited_at=intent.credited_at,
        lines=charges_of(intent),
    )


async def seal_letter(
    payments: Payments, tenant: TenantRef, payment_id: str, key: str, letter: Letter
) -> SealedMail | str:
    """Return the letter to the payment's player, ready to be queued, or why nobody is written to.

    Of several with one key the first is sent. Not inside a transaction. Raises ValueError for a
    letter that cannot be mailed.
    """
    if (fault := fault_in_letter(letter)) is not None:
        raise ValueError(f"the letter cannot be mailed: {fault}")
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
    if intent is None or payments.identity is None:
        return "Nothing was mailed: the event is about no payment."
    identity = payments.identity
    profile = await get_profile(identity, tenant, intent.player_id)
    if isinstance(profile, Refusal) or profile.email is None or not profile.email_confirmed:
        return NOBODY
    settings = await payments.tenants.settings(tenant.id)
    home = None if settings is None else settings.mail.locale
    language = _read(letter, (profile.locale, home))
    text = letter.texts[language]
    mail = Mail(
        template=LETTER,
        to=profile.email,
        locale=language,
        key=key,
        values={
            "subject": text.subject,
            "opening": text.opening,
            "rows": "\n".join(text.rows),
            "closing": text.closing,
        },
    )
    sealed = await seal_mail(identity.notify, tenant, mail, identity.clock.now())
    if isinstance(sealed, Refusal):
        raise ValueError(f"the letter cannot be mailed: {sealed.code} {sealed.field}")
    return sealed


def _read(letter: Letter, wanted: Sequence[str | None]) -> str:
    """Return the first of the wanted languages in which it is written, or else its first."""
    for locale in wanted:
        tongue = (locale or "").lower().replace("_", "-").partition("-")[0]
        if tongue in letter.texts:
            return tongue
    return next(iter(letter.texts))
