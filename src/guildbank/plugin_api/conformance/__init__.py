"""The contract of the plugin slots as a program: what a plugin author runs before shipping."""

from guildbank.plugin_api.conformance.contracts import Check, Rehearsable, Rehearsal
from guildbank.plugin_api.conformance.run import PROVIDER_CHECKS, run_provider_conformance

__all__ = [
    "PROVIDER_CHECKS",
    "Check",
    "Rehearsable",
    "Rehearsal",
    "run_provider_conformance",
]
