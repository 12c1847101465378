"""Calls captcha plugins: in time, with a client of the core; who cannot say lets nobody past.

Nothing here may run inside a database transaction: providers are peers on the network.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
import structlog

from guildbank.infra.egress import Egress
from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    CAPTCHA_REJECTIONS,
    CaptchaContext,
    CaptchaResponse,
    Manifest,
)
from guildbank.plugin_host.discovery import Plugins
from guildbank.plugin_host.outbound import Outbound
from guildbank.plugin_host.patience import Patience

log = structlog.get_logger(__name__)

FAILED = Refusal(
    code="captcha_failed",
    detail="The captcha was not solved, is too old, or was used before. Solve a new one.",
    field="captchaResponse",
)
UNAVAILABLE = Refusal(
    code="captcha_unavailable",
    detail="The captcha cannot be checked at the moment. Try again in a while.",
)
LEFT_ALONE = Refusal(
    code=UNAVAILABLE.code,
    detail="The captcha's provider failed several times and is left alone for half a minute.",
)
CODES: Mapping[str, tuple[int, str]] = {
    FAILED.code: (422, CAPTCHA_REJECTIONS[FAILED.code]),
    UNAVAILABLE.code: (503, "The captcha's provider did not answer in a way that can be used."),
}
"""Every code that comes out of this module, with HTTP status and meaning, for a room to declare."""


class CaptchaTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What a room knows when it has a captcha checked; `settings` with secrets in clear."""

    tenant: str
    mode: str
    settings: Mapping[str, Any]
    now: datetime


class Captchas:
    """The captcha plugins of this process, ready to be called."""

    def __init__(self, plugins: Plugins, egress: Egress, patience: Patience | None = None) -> None:
        self._plugins = plugins
        self._egress = egress
        self._patience = patience or Patience()

    def manifest(self, provider: str) -> Manifest | None:
        """Return what a plugin says of itself, None where there is none of this id."""
        plugin = self._plugins.captcha(provider)
        return None if plugin is None else plugin.manifest

    async def verify(
        self, provider: str, terms: CaptchaTerms, response: str, address: str | None
    ) -> Refusal | None:
        """Return None for a response that is good, else `captcha_failed` or `captcha_unavailable`.

        It never raises for what a plugin or its provider does. One that keeps people waiting for
        nothing is left alone, and nobody gets past meanwhile.
        """
        plugin = self._plugins.captcha(provider)
        if plugin is None:
            log.error("captcha_plugin_gone", plugin=provider, tenant=terms.tenant)
            return UNAVAILABLE
        manifest = plugin.manifest
        if not self._patience.lasts(terms.tenant, manifest):
            return LEFT_ALONE
        context = CaptchaContext(
            tenant=terms.tenant,
            mode=terms.mode,
            settings=terms.settings,
            now=terms.now,
            http=Outbound(self._egress, manifest, terms.settings, terms.tenant),
        )
        given = CaptchaResponse(response=response, address=address, key=str(uuid4()))
        began, limit = self._patience.began(), asyncio.timeout(manifest.timeout_seconds)
        try:
            async with limit:
                result: object = await plugin.verify(context, given)
        except Exception as error:  # nobody could say, so nobody gets past
            # A library's message may hold what the provider sent; NoAnswer's names no secret.
            log.warning("captcha_failed", plugin=manifest.id, error=type(error).__name__)
            self._patience.failed(terms.tenant, manifest, began, counts=limit.expired())
            return UNAVAILABLE
        if result is None or (isinstance(result, Refusal) and result.code in CAPTCHA_REJECTIONS):
            self._patience.answered(terms.tenant, manifest)
            return None if result is None else FAILED
        log.error("captcha_malformed", plugin=manifest.id)
        self._patience.failed(terms.tenant, manifest, began, counts=False)
        return UNAVAILABLE
