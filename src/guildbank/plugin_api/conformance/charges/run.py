"""Runs the whole contract of the slot charge against one plugin."""

from guildbank.plugin_api.conformance import lifecycle_checks, manifest_checks
from guildbank.plugin_api.conformance.charges import line_checks, network_checks
from guildbank.plugin_api.conformance.charges.contracts import ChargeRehearsable, ChargeRehearsal
from guildbank.plugin_api.conformance.charges.stage import ChargeCheck, ChargeStage
from guildbank.plugin_api.conformance.contracts import Check
from guildbank.plugin_api.conformance.judging import judge
from guildbank.plugin_api.conformance.listening import listening, no_secret_is_shown
from guildbank.plugin_api.provider import Context
from guildbank.plugin_api.stages import Charger

CHARGE_CHECKS: tuple[ChargeCheck, ...] = (
    *manifest_checks.CHECKS,
    *lifecycle_checks.CHECKS,
    *line_checks.CHECKS,
    *network_checks.CHECKS,
    # Last of all, because it looks at what every other check made the step say.
    no_secret_is_shown,
)


async def run_charge_conformance(
    charger: Charger, context: Context, rehearsal: ChargeRehearsal | None = None
) -> list[Check]:
    """Return one Check for each sentence of the contract, in a fixed order.

    Without a rehearsal the step's own is taken, if it has one. `context.http` is the real network.
    """
    if rehearsal is None:
        rehearsal = charger.rehearsal() if isinstance(charger, ChargeRehearsable) else None
    stage = ChargeStage(plugin=charger, context=context, rehearsal=rehearsal or ChargeRehearsal())
    with listening(stage.heard):
        *first, last = CHARGE_CHECKS
        further = lifecycle_checks.further_checks(charger)
        ends = lifecycle_checks.ending_checks(charger)
        return [await judge(check, stage) for check in (*first, *further, *ends, last)]
