"""Checks of inbound webhooks: whatever a stranger sends is refused, and never with an exception."""

from collections.abc import Awaitable, Mapping
from datetime import timedelta

import msgspec

from guildbank.plugin_api.conformance.contracts import DoesNotApply, NotRun, Verdict, Webhook
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.provider import Context, WebhookRejected

_BODY = b'{"id":"evt_1","object":"event","type":"test","livemode":false,"data":{"object":{}}}'
_NONSENSE = (
    b"",
    b"\x00",
    b"\xff\xfe\xfd",
    b"null",
    b"7",
    b'"text"',
    b"[]",
    b"{}",
    b'{"id":7}',
    b'{"id":null,"type":null,"data":null}',
    b'{"id":"evt_1","type":"test"',
    b"[" * 50_000,
    b'{"a":' * 50_000,
)
_LONG_AGO = timedelta(days=30)
"""Longer than any company tries to deliver."""
_FORGERIES = ("", "t=", "t=1,v1=00", "v1=00,t=9999999999", "t=x,v1=x", "=,=,=", "\x00", "ü" * 64)


async def an_unsigned_webhook_is_rejected(stage: Stage) -> Verdict:
    """No headers, no belief."""
    for body in (_BODY, *_NONSENSE):
        fault = await _fault(stage, {}, body)
        if fault:
            return fault
    return None


async def a_forged_signature_is_rejected(stage: Stage) -> Verdict:
    """Any text may stand where the signature belongs."""
    if stage.rehearsal.sign is None:
        return NotRun("the rehearsal cannot sign")
    for name, value in (await _signed(stage, _BODY)).items():
        for forged in (*_FORGERIES, value[:-1], value.swapcase() + "0"):
            fault = await _fault(stage, {name: forged}, _BODY)
            if fault:
                return f"{name}: {forged!r}: {fault}"
    return None


async def a_signature_covers_the_whole_body(stage: Stage) -> Verdict:
    """One changed byte makes a signed webhook a stranger's."""
    if stage.rehearsal.sign is None:
        return NotRun("the rehearsal cannot sign")
    headers = await _signed(stage, _BODY)
    for body in (_BODY.replace(b"evt_1", b"evt_2"), _BODY + b" ", _BODY[:-1], b""):
        fault = await _fault(stage, headers, body)
        if fault:
            return fault
    return None


async def signed_nonsense_is_rejected(stage: Stage) -> Verdict:
    """A right signature over something that is no event is refused, not raised."""
    if stage.rehearsal.sign is None:
        return NotRun("the rehearsal cannot sign")
    for body in _NONSENSE:
        fault = await _fault(stage, await _signed(stage, body), body)
        if fault:
            return fault
    return None


async def an_old_webhook_is_rejected(stage: Stage) -> Verdict:
    """What is believed now is not believed a month after it was signed: whoever kept it is no one.

    The reason is `too_old`, so that an operator can tell a slow network from a forgery.
    """
    if stage.rehearsal.no_old_webhooks is not None:
        return DoesNotApply(stage.rehearsal.no_old_webhooks)
    if stage.rehearsal.webhook is None:
        return "the rehearsal shows no webhook, and does not say why none can be too old"
    fresh = await _sent(stage, stage.context)
    read = await stage.provider.read_webhook(stage.context, fresh.headers, fresh.body)
    if isinstance(read, WebhookRejected):
        return f"the rehearsal's webhook is not believed when it is new: {read.detail}"
    before = msgspec.structs.replace(stage.context, now=stage.context.now - _LONG_AGO)
    old = await _sent(stage, before)
    read = await stage.provider.read_webhook(stage.context, old.headers, old.body)
    if not isinstance(read, WebhookRejected):
        return f"believed a webhook that was signed {_LONG_AGO.days} days ago"
    return None if read.code == "too_old" else f"an old webhook is {read.code}, and not too_old"


async def _sent(stage: Stage, context: Context) -> Webhook:
    """Return the rehearsal's webhook as of the context's time."""
    assert stage.rehearsal.webhook is not None
    sent = stage.rehearsal.webhook(context)
    return await sent if isinstance(sent, Awaitable) else sent


async def _signed(stage: Stage, body: bytes) -> Mapping[str, str]:
    """Return the headers of a right signature; asking a server for one takes a wait."""
    assert stage.rehearsal.sign is not None
    headers = stage.rehearsal.sign(stage.context, body)
    return await headers if isinstance(headers, Awaitable) else headers


async def _fault(stage: Stage, headers: Mapping[str, str], body: bytes) -> str | None:
    try:
        read = await stage.provider.read_webhook(stage.context, headers, body)
    except Exception as error:
        return f"raised {type(error).__name__} on a body that begins {body[:20]!r}"
    if isinstance(read, WebhookRejected):
        return None
    return f"believed a body that begins {body[:20]!r}"


CHECKS: tuple[CheckFunction, ...] = (
    an_unsigned_webhook_is_rejected,
    a_forged_signature_is_rejected,
    a_signature_covers_the_whole_body,
    signed_nonsense_is_rejected,
    an_old_webhook_is_rejected,
)
