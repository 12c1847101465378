"""Run the steps after the credit: each looks at what was bought once, and notes what it finds.

Money was taken, so nothing that they say or fail to say changes anything: a step that vetoes, is
late or is gone is skipped, and the timeline says so. Callbacks of the credit wait for them.
"""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Driver
from guildbank.kernel import new_id
from guildbank.payments import past, store
from guildbank.payments.contracts.rows import AFTER_CREDIT, Check, Intent
from guildbank.payments.outbox import Waiting
from guildbank.payments.store import CHECKS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.ask_steps import ask_steps
from guildbank.payments.usecases.attempt import purchase_view
from guildbank.pipelines import Answer, Placed, began_with
from guildbank.plugin_api import PurchaseView, Slot

_ANSWERS = msgspec.json.Decoder(tuple[Answer, ...])


async def take_notes(
    payments: Payments, tenant: TenantRef, step_id: str, waiting: Waiting
) -> Check | None:
    """Ask one step about a credited payment; None where the payment is not there any more."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, waiting.payment_id)
        if intent is None:
            return None
        stages = await began_with(
            payments.pipelines, tx.driver, tenant.schema, intent.purpose, waiting.revision
        )
        view = await _view(tx.driver, intent)
    step = next(one for one in stages.after if one.id == step_id)
    passage = await ask_steps(payments, tenant, [Placed(Slot.MIDDLEWARE, step)], view, intent.id)
    return Check(
        id=new_id("chk"),
        payment_id=intent.id,
        number=AFTER_CREDIT,
        answers=msgspec.json.encode([_noted(one) for one in passage.answers]).decode(),
        at=payments.clock.now(),
    )


async def keep_notes(driver: Driver, check: Check) -> None:
    """Put down what a step said."""
    for statement in CHECKS.saving({check.id: check}):
        await driver.execute(statement.text, *statement.arguments)


async def _view(driver: Driver, intent: Intent) -> PurchaseView:
    """Return the purchase with all that was noted of it so far."""
    notes: dict[str, str] = {}
    for row in await past.checks_of(driver, intent.id):
        for answer in _ANSWERS.decode(row.answers):
            notes |= answer.notes
    view = purchase_view(intent, intent, intent.provider or "", intent.id)
    return msgspec.structs.replace(view, annotations=notes, credited_at=intent.credited_at)


def _noted(answer: Answer) -> Answer:
    """Return an answer that refuses nothing."""
    refused = answer.verdict in ("vetoed", "failed")
    return msgspec.structs.replace(answer, verdict="ignored") if refused else answer
