"""Leaves a plugin alone for a while that keeps people waiting for nothing when they sign in.

Only what costs them time is counted, and what no stranger had a hand in: a plugin may raise for a
token that somebody made up, and whoever sends many of those must not shut the door to all others.
"""

import time
from collections.abc import Callable

import structlog

from guildbank.infra.error_rate import ErrorRates, Rule
from guildbank.plugin_api import Manifest

log = structlog.get_logger(__name__)
RULE = Rule(
    window_seconds=300, errors=5, rate=0.5, pause_seconds=30, trial_errors=1, trial_rate=0.3,
    trial_successes=5,
)  # fmt: skip
"""People sign in more seldom than they buy, and each of these failures was a wait of seconds."""
SLOW_SECONDS = 2.0
"""A failure that took so long counts as one that ran out of time does."""


class Patience:
    """With each tenant's plugins of a slot, in this process; a new version is another plugin."""

    def __init__(
        self, rates: ErrorRates | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = rates or ErrorRates(RULE, now=now)
        self._now = now

    def lasts(self, tenant: str, manifest: Manifest) -> bool:
        """Say whether the plugin may be called now."""
        return self._rates.of((tenant, manifest.id, manifest.version)).allows()

    def began(self) -> float:
        """Return when a call begins, for `failed`."""
        return self._now()

    def answered(self, tenant: str, manifest: Manifest) -> None:
        """Count an answer, a no included."""
        self._tell(tenant, manifest, worked=True)

    def failed(self, tenant: str, manifest: Manifest, began: float, *, counts: bool) -> None:
        """Count a failure that was slow, or that `counts` in any case."""
        if counts or self._now() - began >= SLOW_SECONDS:
            self._tell(tenant, manifest, worked=False)

    def _tell(self, tenant: str, manifest: Manifest, *, worked: bool) -> None:
        rate = self._rates.of((tenant, manifest.id, manifest.version))
        if rate.tell(worked=worked):
            log.error("plugin_quarantined", tenant=tenant, plugin=manifest.id)
