"""Checks of a provider whose company waits to hear that what was paid for was delivered."""

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money

CAPABILITY = "finish"
_NOT_DECLARED = NotRun("the manifest does not name the capability finish")


async def a_payment_is_finished_as_often_as_asked(stage: Stage) -> Verdict:
    """Finished twice it does not raise, and the money is still there."""
    if CAPABILITY not in stage.manifest.capabilities:
        return _NOT_DECLARED
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.pay(request)
    if made.reference is None:
        return f"paid without a reference: {made!r}"
    for _ in range(2):
        await stage.provider.finish_payment(stage.context, made.reference)
    found = await stage.provider.fetch_payment(stage.context, request.attempt_id, made.reference)
    return fault_in_money(found, request.amount_minor, request.currency)


CHECKS: tuple[CheckFunction, ...] = (a_payment_is_finished_as_often_as_asked,)
