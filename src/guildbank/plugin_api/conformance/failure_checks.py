"""Checks of a provider that does not answer: silence is never taken for a no."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from guildbank.plugin_api.conformance import dispute_checks
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.direct import DirectHttp
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.conformance.witness import secrets_of
from guildbank.plugin_api.provider import Context, Outcome, OutcomeStatus

_GRACE_SECONDS = 2


async def silence_is_unknown(stage: Stage) -> Verdict:
    """A server that takes the call and never answers: raise or `unknown`, within the timeout."""
    if stage.rehearsal.redirected is None:
        return NotRun("the rehearsal cannot redirect the provider's address")
    async with _silent_server() as server:
        settings = stage.rehearsal.redirected(stage.context.settings, server.url)
        context = led_to(stage, settings)
        faults = await call_everything(stage, context)
    if not server.callers:
        return "no call reached the silent server: the address was not redirected"
    return faults


async def an_unreachable_provider_is_unknown(stage: Stage) -> Verdict:
    """A refused connection says nothing about an earlier try: raise or `unknown`."""
    if stage.rehearsal.redirected is None:
        return NotRun("the rehearsal cannot redirect the provider's address")
    async with _silent_server() as server:
        url = server.url
    settings = stage.rehearsal.redirected(stage.context.settings, url)
    return await call_everything(stage, led_to(stage, settings))


def led_to(stage: Stage, settings: Mapping[str, Any]) -> Context:
    """Return the context with other settings; the core's client would know their hosts.

    It gives up when the core's would.
    """
    http = DirectHttp(total_seconds=stage.provider.manifest.timeout_seconds)
    return msgspec.structs.replace(stage.context, settings=settings, http=http)


async def no_secret_is_shown(stage: Stage) -> Verdict:
    """No outcome, message or exception of the whole run holds a secret setting."""
    secrets = secrets_of(stage.provider.manifest, stage.context)
    if not secrets:
        return NotRun("the settings hold no secret")
    for text in stage.provider.heard:
        if any(secret in text for secret in secrets):
            return f"a secret stands in: {text[:200]}"
    return None


async def call_everything(stage: Stage, context: Context) -> str | None:
    """Make each call at once, so that the wait is one timeout and not five.

    Return the sentence of the first that did not raise or answer `unknown` in time.
    """
    payment = stage.payment(stage.rehearsal.pays)
    refund = stage.refund(payment, "ref_silent", payment.amount_minor)
    provider, attempt = stage.provider, payment.attempt_id
    calls = [
        _fault(stage, "create_payment", provider.create_payment(context, payment)),
        _fault(stage, "fetch_payment", provider.fetch_payment(context, attempt, None)),
        _fault(stage, "fetch_payment", provider.fetch_payment(context, attempt, "ref_silent")),
        _fault(stage, "cancel_payment", provider.cancel_payment(context, attempt, "ref_silent")),
        _fault(stage, "refund", provider.refund(context, refund)),
        _fault(stage, "fetch_refund", provider.fetch_refund(context, refund, None)),
    ]
    if dispute_checks.tells(stage.manifest):
        calls.append(_fault(stage, "fetch_dispute", provider.fetch_dispute(context, "du_silent")))
    if stage.manifest.evidence_fields:
        evidence = dispute_checks.evidence_for(stage, "du_silent")
        said = provider.submit_evidence(context, evidence)
        calls.append(_fault(stage, "submit_evidence", said))
    faults = await asyncio.gather(*calls)
    return next((fault for fault in faults if fault), None)


async def _fault(stage: Stage, name: str, call: Awaitable[object]) -> str | None:
    limit = stage.provider.manifest.timeout_seconds
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=limit + _GRACE_SECONDS)
    if not done:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return f"{name} still waits after its own limit of {limit} s"
    if task.exception() is not None:
        return None
    outcome = task.result()
    if isinstance(outcome, Outcome) and outcome.status is OutcomeStatus.UNKNOWN:
        return None
    return f"{name} without an answer returned {outcome!r}"


class _Silence:
    """A server's address and how many have called it."""

    def __init__(self) -> None:
        self.url = ""
        self.callers = 0


@asynccontextmanager
async def _silent_server() -> AsyncIterator[_Silence]:
    """Accept on a free loopback port and never answer."""
    silence = _Silence()
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silence.callers += 1
        writers.append(writer)
        while await reader.read(65_536):
            pass

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    silence.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield silence
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


CHECKS: tuple[CheckFunction, ...] = (
    silence_is_unknown,
    an_unreachable_provider_is_unknown,
    # Last of all, because it looks at what every other check made the provider say.
    no_secret_is_shown,
)
