"""What is said around a refund request: sealed words, and the mails that tell its player."""

from collections.abc import Mapping

import msgspec

from guildbank.identity import get_profile
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Sealed
from guildbank.kernel import Refusal
from guildbank.notify import Mail, SealedMail, seal_mail
from guildbank.payments import store
from guildbank.payments.contracts.refusals import TENANT_SUSPENDED
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases import Payments

ASKED, GRANTED, REJECTED = (
    "payments.refund_asked",
    "payments.refund_granted",
    "payments.refund_rejected",
)
"""The mails to a player."""


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was written: a player's `text`, the `answer` to the player, a `note` for the record."""

    text: str | None = None
    answer: str | None = None
    note: str | None = None


async def seal_words(
    payments: Payments, tenant: TenantRef, player_id: str, words: Words
) -> Sealed | Refusal | None:
    """Return the words under the person's key; None where nothing is said or nobody is left.

    Refusal: `tenant_suspended`.
    """
    if words == Words():
        return None
    sealed = await payments.persons.seal(tenant, player_id, msgspec.json.encode(words))
    if isinstance(sealed, Refusal):
        return TENANT_SUSPENDED if tenant.state != "active" else None
    return sealed


async def open_words(
    payments: Payments, tenant: TenantRef, player_id: str, sealed: bytes | None
) -> Words:
    """Return what was sealed, as far as the person's key is there."""
    if sealed is None:
        return Words()
    opened = await payments.persons.reveal(tenant, player_id, sealed)
    return Words() if opened is None else msgspec.json.decode(opened, type=Words)


async def letter_to_player(
    payments: Payments, tenant: TenantRef, intent: Intent, template: str, values: Mapping[str, str]
) -> SealedMail | None:
    """Return a mail about the payment to its player's confirmed address, ready to be queued.

    None for who has no such address. Not inside a transaction.
    """
    identity = payments.identity
    if identity is None:
        return None
    profile = await get_profile(identity, tenant, intent.player_id)
    if isinstance(profile, Refusal) or profile.email is None or not profile.email_confirmed:
        return None
    mail = Mail(
        template=template,
        to=profile.email,
        locale=profile.locale,
        values={"title": intent.title, "payment": intent.id, **values},
    )
    sealed = await seal_mail(identity.notify, tenant, mail, identity.clock.now())
    if isinstance(sealed, Refusal):
        raise ValueError(f"{template} cannot be written: {sealed.code} {sealed.field}")
    return sealed


async def rejection_letter(
    payments: Payments, tenant: TenantRef, payment_id: str, answer: str
) -> SealedMail | None:
    """Return the mail that tells the player of a no."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
    if intent is None:
        return None
    return await letter_to_player(payments, tenant, intent, REJECTED, {"answer": answer})
