"""Tell a company that decides on a refund how much of the purchase's coins was spent."""

import asyncio

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Receipt, Stage
from guildbank.journal import Outcome as JournalOutcome
from guildbank.kernel import Refusal
from guildbank.ledger import open_book
from guildbank.payments.asking import fault_of
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PAYMENT, PROVIDER_SILENT
from guildbank.payments.contracts.rows import Applied, Attempt
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.money import MoneyAct, take
from guildbank.plugin_api import PaymentRequest, TellsUsage, Usage

log = structlog.get_logger(__name__)
_REQUESTS = msgspec.json.Decoder(PaymentRequest)
MEASURED = "usage_measured"


class MeasureUsage(MoneyAct):
    """Count under the lock what a refund of all that is left would find unspent.

    It is refused with the count, so that nothing is stored.
    """

    verb = "payments.usage"
    __slots__ = ()

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Refuse with `usage_measured`, or with `no_change` where there is nothing to count."""
        rows = self.rows(stage)
        if rows is None:
            return NO_PAYMENT
        left = rows.attempt.left_minor
        if rows.attempt.applied is not Applied.CREDITED or left == 0:
            return NO_CHANGE
        taking = take(stage, open_book(stage), rows, left, False, spent="write_off")
        if isinstance(taking, Refusal):
            return taking
        coins = taking.paid + taking.bonus
        return Refusal(
            code=MEASURED,
            detail="This is how much was used.",
            extra={"coins": coins, "spent": taking.written_off},
        )


async def tell_usage(payments: Payments, tenant: TenantRef, attempt: Attempt) -> JournalOutcome:
    """Answer a company's question; outside of any transaction, and with nothing stored.

    Refusals: `no_change` when that is done or not for here, `provider_silent` where the company
    did not take the answer, and those of `line_about`.
    """
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal):
        return line
    if not isinstance(line.plugin, TellsUsage) or attempt.reference is None:
        return NO_CHANGE
    act = MeasureUsage(attempt, provider_principal(attempt.provider))
    found = await payments.journal.submit(tenant.schema, act)
    if isinstance(found, Receipt) or found.code != MEASURED:
        return found
    counted = found.extra or {}
    used = Usage(
        request=_REQUESTS.decode(attempt.request),
        reference=attempt.reference,
        coins=int(str(counted["coins"])),
        spent=int(str(counted["spent"])),
    )
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            await line.plugin.tell_usage(line.context, used)
    except Exception as error:  # whatever it raises, the question stays open
        log.warning("usage_not_told", attempt=attempt.id, error=fault_of(line, error))
        return PROVIDER_SILENT
    return NO_CHANGE
