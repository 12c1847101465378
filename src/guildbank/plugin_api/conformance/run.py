"""Runs the whole contract of the provider slot against one plugin."""

from guildbank.plugin_api.capturing import CAPTURE
from guildbank.plugin_api.conformance import (
    capture_checks,
    confirmation_checks,
    dispute_checks,
    failure_checks,
    fault_checks,
    field_checks,
    finish_checks,
    lifecycle_checks,
    manifest_checks,
    merchant_checks,
    payment_checks,
    payout_checks,
    refund_checks,
    report_checks,
    saved_checks,
    settlement_checks,
    subscription_checks,
    webhook_checks,
)
from guildbank.plugin_api.conformance.contracts import Check, DoesNotApply, NotRun, Rehearsal
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.conformance.witness import Witness, scrub, secrets_of
from guildbank.plugin_api.merchant import MERCHANT
from guildbank.plugin_api.provider import Context, PaymentProvider
from guildbank.plugin_api.subscriptions import SUBSCRIPTIONS

PROVIDER_CHECKS: tuple[CheckFunction, ...] = (
    *manifest_checks.CHECKS,
    *merchant_checks.OF_MANIFEST,
    *payment_checks.CHECKS,
    *refund_checks.CHECKS,
    *webhook_checks.CHECKS,
    *fault_checks.CHECKS,
    *failure_checks.CHECKS,
)

FAULT_CHECKS: tuple[CheckFunction, ...] = fault_checks.CHECKS
"""Among them: those of a server that answers wrongly."""

CONFIRMATION_CHECKS: tuple[CheckFunction, ...] = confirmation_checks.CHECKS
"""Run besides, where the manifest names whose word counts."""

EITHER_CHECKS: tuple[CheckFunction, ...] = confirmation_checks.OF_EITHER
"""Run besides, where the manifest takes the word of either."""

SETTLEMENT_CHECKS: tuple[CheckFunction, ...] = settlement_checks.CHECKS
"""Run besides, where the manifest names the capability `settlements`."""

FINISH_CHECKS: tuple[CheckFunction, ...] = finish_checks.CHECKS
"""Run besides, where the manifest names the capability `finish`."""

REPORT_CHECKS: tuple[CheckFunction, ...] = report_checks.CHECKS
"""Run besides, where the manifest names the capability `reports`."""

PAYOUT_CHECKS: tuple[CheckFunction, ...] = payout_checks.CHECKS
"""Run besides, where the manifest names the capability `payouts`."""

SAVED_CHECKS: tuple[CheckFunction, ...] = saved_checks.CHECKS
"""Run besides, where the manifest names the capability `saved_methods`."""

STAND_CHECKS: tuple[CheckFunction, ...] = dispute_checks.OF_STANDS
"""Run besides, where the manifest names the capability `dispute_stand` or texts of evidence."""

DISPUTE_CHECKS: tuple[CheckFunction, ...] = dispute_checks.CHECKS
"""Run besides, where the manifest names texts of evidence."""

CAPTURE_CHECKS: tuple[CheckFunction, ...] = capture_checks.CHECKS
"""Run besides, where the manifest names the capability `capture`."""

MERCHANT_CHECKS: tuple[CheckFunction, ...] = merchant_checks.CHECKS
"""Run besides, where the manifest names the capability `merchant`."""

SUBSCRIPTION_CHECKS: tuple[CheckFunction, ...] = subscription_checks.CHECKS
"""Run besides, where the manifest names the capability `subscriptions`."""


async def run_provider_conformance(
    provider: PaymentProvider, context: Context, rehearsal: Rehearsal
) -> list[Check]:
    """Return one Check for each sentence of the contract, in a fixed order.

    Makes real calls to the address that the settings name and takes real test money there, so it
    refuses a context of mode `live`: the list is then one failed check and nothing was called.
    """
    if context.mode != "test":
        return [
            Check(
                name="the_run_is_in_test_mode",
                passed=False,
                detail=f"conformance takes money and gives it back; the mode is {context.mode}",
            )
        ]
    stage = Stage(provider=Witness(provider), context=context, rehearsal=rehearsal)
    confirmed = rehearsal.confirms is not None or provider.manifest.confirmed_by is not None
    capabilities = provider.manifest.capabilities
    *first, last = PROVIDER_CHECKS
    # Before the checks that look at all that was said.
    checks = (
        *(CONFIRMATION_CHECKS if confirmed else ()),
        *(EITHER_CHECKS if provider.manifest.confirmed_by == "either" else ()),
        *(SETTLEMENT_CHECKS if settlement_checks.CAPABILITY in capabilities else ()),
        *(REPORT_CHECKS if report_checks.CAPABILITY in capabilities else ()),
        *(FINISH_CHECKS if finish_checks.CAPABILITY in capabilities else ()),
        *(SUBSCRIPTION_CHECKS if SUBSCRIPTIONS in capabilities else ()),
        *(SAVED_CHECKS if saved_checks.CAPABILITY in capabilities else ()),
        *(STAND_CHECKS if dispute_checks.tells(provider.manifest) else ()),
        *(DISPUTE_CHECKS if provider.manifest.evidence_fields else ()),
        *(PAYOUT_CHECKS if payout_checks.CAPABILITY in capabilities else ()),
        *(CAPTURE_CHECKS if CAPTURE in capabilities else ()),
        *(MERCHANT_CHECKS if MERCHANT in capabilities else ()),
        *field_checks.checks_of(provider),
        *first,
        *lifecycle_checks.ending_checks(provider),
        last,
    )
    return [await _run(check, stage) for check in checks]


async def _run(check: CheckFunction, stage: Stage) -> Check:
    name = getattr(check, "__name__", repr(check))
    try:
        verdict = await check(stage)
    except Exception as error:
        verdict = f"raised {type(error).__name__}: {error}"
    if isinstance(verdict, NotRun):
        applies = not isinstance(verdict, DoesNotApply)
        return Check(name=name, passed=False, ran=False, applies=applies, detail=verdict.reason)
    secrets = secrets_of(stage.provider.manifest, stage.context)
    return Check(name=name, passed=verdict is None, detail=scrub(verdict or "", secrets))
