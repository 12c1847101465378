"""Mails that tell a player of payouts and of a new place for them, queued with what they tell."""

from collections.abc import Mapping

import structlog

from guildbank.identity import get_profile
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Stage
from guildbank.kernel import Refusal, format_money
from guildbank.ledger import money_asset
from guildbank.notify import OUTGOING, Mail, SealedMail, seal_mail
from guildbank.payments import payouts as shelf
from guildbank.payments.contracts.payouts import KeptDestination, Payout, PayoutCommand, PayoutState
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.payouts.open_destination import open_destination
from guildbank.payments.withdrawing import payout_after
from guildbank.plugin_api import Outcome

log = structlog.get_logger(__name__)
REQUESTED, PLACE_ADDED = "payments.payout_requested", "payments.payout_destination_added"
OF_END: Mapping[PayoutState, str] = {
    PayoutState.PAID: "payments.payout_paid",
    PayoutState.FAILED: "payments.payout_failed",
    PayoutState.RETURNED: "payments.payout_returned",
    PayoutState.REJECTED: "payments.payout_rejected",
}
"""The mails by what became of a payout; one that its player took back is told by none."""
OF_PAYOUT = ("coins", "currency", "amount", "where", "payout")


class EndLetter:
    """A mail about a payout that is in `state` now; it goes out with just that."""

    __slots__ = ("mail", "state")

    def __init__(self, state: PayoutState, mail: SealedMail) -> None:
        self.state = state
        self.mail = mail

    def put(self, stage: Stage, after: PayoutState) -> None:
        """Queue it, if this is what became of the payout."""
        if after is self.state:
            stage.put(OUTGOING, self.mail.id, self.mail)


async def letter_of_request(
    payments: Payments, tenant: TenantRef, command: PayoutCommand
) -> SealedMail | None:
    """Return the mail that somebody asked for a payout, None where nobody can be told."""
    if payments.identity is None:
        return None
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        place = await shelf.destination_by_id(tx.driver, command.destination_id)
    if place is None or place.player_id != command.player_id:
        return None
    known = await open_destination(payments, tenant, command.player_id, place.sealed)
    values = {"coins": str(command.coins), "currency": command.currency, "where": _label(known)}
    return await _to_player(payments, tenant, command.player_id, REQUESTED, values)


async def letter_of_place(
    payments: Payments, tenant: TenantRef, player_id: str, place: KeptDestination
) -> SealedMail | None:
    """Return the mail that a place for payouts was added: who did not do it is to know."""
    values = {"where": _label(place)}
    return await _to_player(payments, tenant, player_id, PLACE_ADDED, values)


async def letter_of_outcome(
    payments: Payments, tenant: TenantRef, payout: Payout, outcome: Outcome
) -> EndLetter | None:
    """Return the mail about what an outcome makes of a payout, None where that is no end."""
    after = payout_after(payout.state, outcome)
    return None if after is None else await letter_of_end(payments, tenant, payout, after)


async def letter_of_end(
    payments: Payments, tenant: TenantRef, payout: Payout, after: PayoutState
) -> EndLetter | None:
    """Return the mail about a payout that ends so, None where nobody can be told."""
    template = OF_END.get(after)
    if template is None or payments.identity is None:
        return None
    known = await open_destination(payments, tenant, payout.player_id, payout.destination)
    money = format_money(payout.amount_minor, money_asset(payout.money).scale)
    values = {
        "coins": str(payout.coins),
        "currency": payout.currency,
        "amount": f"{money} {payout.money}",
        "where": _label(known),
        "payout": payout.id,
    }
    mail = await _to_player(payments, tenant, payout.player_id, template, values)
    return None if mail is None else EndLetter(after, mail)


async def _to_player(
    payments: Payments, tenant: TenantRef, player_id: str, template: str, values: Mapping[str, str]
) -> SealedMail | None:
    """Return a mail to the confirmed address, if any; its defects keep no money from moving."""
    identity = payments.identity
    if identity is None:
        return None
    profile = await get_profile(identity, tenant, player_id)
    if isinstance(profile, Refusal) or profile.email is None or not profile.email_confirmed:
        return None
    mail = Mail(template=template, to=profile.email, locale=profile.locale, values=values)
    sealed = await seal_mail(identity.notify, tenant, mail, identity.clock.now())
    if isinstance(sealed, Refusal):
        log.error("payout_not_mailed", template=template, code=sealed.code, field=sealed.field)
        return None
    return sealed


def _label(known: KeptDestination | None) -> str:
    return "...." if known is None else known.label
