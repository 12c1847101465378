"""The contract of the plugin slots as a program: what a plugin author runs before shipping."""

from guildbank.plugin_api.conformance.callback import (
    CALLBACK_CHECKS,
    LETTER_CHECKS,
    SOLD,
    run_callback_conformance,
)
from guildbank.plugin_api.conformance.captcha import (
    CAPTCHA_CHECKS,
    run_captcha_conformance,
)
from guildbank.plugin_api.conformance.charges.contracts import (
    ChargeRehearsable,
    ChargeRehearsal,
)
from guildbank.plugin_api.conformance.charges.run import CHARGE_CHECKS, run_charge_conformance
from guildbank.plugin_api.conformance.contracts import Check, Rehearsable, Rehearsal, Webhook
from guildbank.plugin_api.conformance.direct import DirectHttp
from guildbank.plugin_api.conformance.gates.contracts import (
    GRANT,
    PURCHASE,
    SPEND,
    TRANSFER,
    GateRehearsable,
    GateRehearsal,
    RecordedHistory,
)
from guildbank.plugin_api.conformance.gates.run import (
    GATE_CHECKS,
    OPERATION_CHECKS,
    run_gate_conformance,
)
from guildbank.plugin_api.conformance.identity.contracts import (
    IdentityRehearsable,
    IdentityRehearsal,
)
from guildbank.plugin_api.conformance.identity.run import (
    IDENTITY_CHECKS,
    run_identity_conformance,
)
from guildbank.plugin_api.conformance.run import (
    CAPTURE_CHECKS,
    CONFIRMATION_CHECKS,
    DISPUTE_CHECKS,
    EITHER_CHECKS,
    FAULT_CHECKS,
    FINISH_CHECKS,
    MERCHANT_CHECKS,
    PAYOUT_CHECKS,
    PROVIDER_CHECKS,
    REPORT_CHECKS,
    SAVED_CHECKS,
    SETTLEMENT_CHECKS,
    STAND_CHECKS,
    SUBSCRIPTION_CHECKS,
    run_provider_conformance,
)
from guildbank.plugin_api.conformance.scorers.contracts import (
    ScorerRehearsable,
    ScorerRehearsal,
)
from guildbank.plugin_api.conformance.scorers.run import SCORER_CHECKS, run_scorer_conformance

__all__ = [
    "CALLBACK_CHECKS",
    "CAPTCHA_CHECKS",
    "CAPTURE_CHECKS",
    "CHARGE_CHECKS",
    "CONFIRMATION_CHECKS",
    "DISPUTE_CHECKS",
    "EITHER_CHECKS",
    "FAULT_CHECKS",
    "FINISH_CHECKS",
    "GATE_CHECKS",
    "GRANT",
    "IDENTITY_CHECKS",
    "LETTER_CHECKS",
    "MERCHANT_CHECKS",
    "OPERATION_CHECKS",
    "PAYOUT_CHECKS",
    "PROVIDER_CHECKS",
    "PURCHASE",
    "REPORT_CHECKS",
    "SAVED_CHECKS",
    "SCORER_CHECKS",
    "SETTLEMENT_CHECKS",
    "SOLD",
    "SPEND",
    "STAND_CHECKS",
    "SUBSCRIPTION_CHECKS",
    "TRANSFER",
    "ChargeRehearsable",
    "ChargeRehearsal",
    "Check",
    "DirectHttp",
    "GateRehearsable",
    "GateRehearsal",
    "IdentityRehearsable",
    "IdentityRehearsal",
    "RecordedHistory",
    "Rehearsable",
    "Rehearsal",
    "ScorerRehearsable",
    "ScorerRehearsal",
    "Webhook",
    "run_callback_conformance",
    "run_captcha_conformance",
    "run_charge_conformance",
    "run_gate_conformance",
    "run_identity_conformance",
    "run_provider_conformance",
    "run_scorer_conformance",
]
