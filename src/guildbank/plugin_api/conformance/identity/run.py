"""Runs the whole contract of the identity slot against one plugin."""

from guildbank.plugin_api.conformance import lifecycle_checks, manifest_checks
from guildbank.plugin_api.conformance.contracts import Check, Verdict
from guildbank.plugin_api.conformance.identity import (
    asserting_checks,
    network_checks,
    redirecting_checks,
)
from guildbank.plugin_api.conformance.identity.contracts import IdentityRehearsal
from guildbank.plugin_api.conformance.identity.stage import IdentityCheck, IdentityStage
from guildbank.plugin_api.conformance.judging import judge
from guildbank.plugin_api.identity_provider import (
    CAPABILITY_VERBS,
    IdentityProvider,
    SignInContext,
)


async def the_capabilities_are_there(stage: IdentityStage) -> Verdict:
    """At least one is claimed, all are known, and what is claimed can be called."""
    claimed = stage.manifest.capabilities
    if not claimed or claimed - CAPABILITY_VERBS.keys():
        return f"capabilities are {sorted(claimed)}, of {', '.join(CAPABILITY_VERBS)}"
    verbs = [verb for capability in sorted(claimed) for verb in CAPABILITY_VERBS[capability]]
    missing = [verb for verb in verbs if not callable(getattr(stage.provider, verb, None))]
    return f"lacks {', '.join(missing)}" if missing else None


IDENTITY_CHECKS: tuple[IdentityCheck, ...] = (
    *manifest_checks.CHECKS,
    the_capabilities_are_there,
    *redirecting_checks.CHECKS,
    *asserting_checks.CHECKS,
    *network_checks.CHECKS,
)


async def run_identity_conformance(
    provider: IdentityProvider, context: SignInContext, rehearsal: IdentityRehearsal
) -> list[Check]:
    """Return one Check for each sentence of the contract, in a fixed order.

    `context.http` is the real network: requests go to the provider that the settings name.
    """
    stage = IdentityStage(provider=provider, context=context, rehearsal=rehearsal)
    *first, last = IDENTITY_CHECKS
    ends = lifecycle_checks.ending_checks(provider)
    return [await judge(check, stage) for check in (*first, *ends, last)]
