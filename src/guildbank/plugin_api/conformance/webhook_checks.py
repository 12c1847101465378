"""Checks of inbound webhooks: whatever a stranger sends is refused, and never with an exception."""

from collections.abc import Awaitable, Mapping

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage
from guildbank.plugin_api.provider import WebhookRejected

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
)
