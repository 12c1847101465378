"""Checks of a provider that does not answer: silence is never taken for a no."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import msgspec

from guildbank.plugin_api.conformance import dispute_checks
from guildbank.plugin_api.conformance.contracts import DoesNotApply, NotRun, Verdict
from guildbank.plugin_api.conformance.direct import DirectHttp
from guildbank.plugin_api.conformance.finish_checks import CAPABILITY as FINISH
from guildbank.plugin_api.conformance.report_checks import CAPABILITY as REPORTS
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.conformance.witness import secrets_of
from guildbank.plugin_api.http import Http, HttpAnswer, Method
from guildbank.plugin_api.provider import Context, Outcome, OutcomeStatus
from guildbank.plugin_api.subscriptions import SUBSCRIPTIONS

_GRACE_SECONDS = 2


async def silence_is_unknown(stage: Stage) -> Verdict:
    """A server that takes the call and never answers: raise or `unknown`, within the timeout."""
    if stage.rehearsal.redirected is None:
        return nowhere_else(stage)
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
        return nowhere_else(stage)
    async with _silent_server() as server:
        url = server.url
    settings = stage.rehearsal.redirected(stage.context.settings, url)
    return await call_everything(stage, led_to(stage, settings))


def nowhere_else(stage: Stage) -> NotRun:
    """Return why a provider is led to no other server: it calls none, or nobody says how."""
    if not stage.manifest.egress_hosts:
        return DoesNotApply("the manifest names no host: the provider calls nobody")
    return NotRun("the rehearsal cannot redirect the provider's address")


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
        _fault(stage, "fetch_payment", provider.fetch_payment(context, attempt, None)),
        _fault(stage, "fetch_payment", provider.fetch_payment(context, attempt, "ref_silent")),
        _fault(stage, "cancel_payment", provider.cancel_payment(context, attempt, "ref_silent")),
        _fault(stage, "fetch_refund", provider.fetch_refund(context, refund, None)),
    ]
    if dispute_checks.tells(stage.manifest):
        calls.append(_fault(stage, "fetch_dispute", provider.fetch_dispute(context, "du_silent")))
    if not stage.manifest.sold_by_store:
        # In a store a payment begins, and may be refused a refund, without a call.
        calls += [
            _fault(stage, "create_payment", provider.create_payment(context, payment)),
            _fault(stage, "refund", provider.refund(context, refund)),
        ]
    calls += [
        _fault_of_who_asks(stage, name, context, call)
        for name, call in (await _further_calls(stage)).items()
    ]
    if stage.manifest.evidence_fields:
        evidence = dispute_checks.evidence_for(stage, "du_silent")
        said = provider.submit_evidence(context, evidence)
        calls.append(_fault(stage, "submit_evidence", said))
    faults = await asyncio.gather(*calls)
    return next((fault for fault in faults if fault), None)


async def _further_calls(stage: Stage) -> Mapping[str, Callable[[Context], Awaitable[object]]]:
    """Return calls of what has been paid, of a provider that is confirmed or has more to say.

    What some of them answer rests on no server, such as the word of an operator.
    """
    calls: dict[str, Callable[[Context], Awaitable[object]]] = {}
    provider, capabilities = stage.provider, stage.manifest.capabilities
    request = stage.payment(stage.rehearsal.pays)
    if stage.rehearsal.confirms is not None:
        made = await provider.create_payment(stage.context, request)
        data = await stage.confirming(request)
        given = stage.given(request, made.reference, data)
        calls["confirm"] = lambda context: provider.confirm(context, given)
    if stage.manifest.sold_by_store:
        paid = (await stage.pay(request)).reference or ""
        refund = stage.refund(request, paid, request.amount_minor)
        calls["fetch_payment of what was paid"] = lambda context: provider.fetch_payment(
            context, request.attempt_id, paid
        )
        calls["cancel_payment of what was paid"] = lambda context: provider.cancel_payment(
            context, request.attempt_id, paid
        )
        calls["refund of what was paid"] = lambda context: provider.refund(context, refund)
        if FINISH in capabilities:
            calls[FINISH] = lambda context: provider.finish_payment(context, paid)
        if SUBSCRIPTIONS in capabilities:
            calls["fetch_subscription"] = lambda context: provider.fetch_subscription(
                context, paid, context.now
            )
    if REPORTS in capabilities:
        since = stage.context.now - timedelta(hours=1)
        calls["report"] = lambda context: provider.report(context, since, None)
    return calls


async def _fault_of_who_asks(
    stage: Stage, name: str, context: Context, call: Callable[[Context], Awaitable[object]]
) -> str | None:
    """Return the fault of a call, None where its answer did not rest on anybody's."""
    counted = _Counted(context.http)
    fault = await _fault(stage, name, call(msgspec.structs.replace(context, http=counted)))
    return fault if counted.asked else None


class _Counted:
    """Sends as another client does, and says whether anything was sent."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self.asked = False

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Send one request; raises NoAnswer."""
        self.asked = True
        return await self._http.send(method, url, headers=headers, body=body)


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
