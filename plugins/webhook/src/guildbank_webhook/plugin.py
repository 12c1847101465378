"""The plugin `webhook`: posts each event to the tenant's server until somebody took it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    BadSecret,
    CallbackEvent,
    Context,
    Delivered,
    HttpAnswer,
    Manifest,
    SettingProblem,
    read_secrets,
    signed,
)
from guildbank_webhook.manifest import MANIFEST

TEST = "connection_test"
EXCERPT = 200
"""Characters of a refusal's body that operators read."""
MOVED = "Answered {status}, which leads elsewhere and is not followed: set that address as the url."
GONE = "Answered 410 Gone: the server says that nobody takes events here any more."


class NotTaken(Exception):
    """The server answered, and did not take the event."""


class Settings(msgspec.Struct, frozen=True):
    """Whom to tell of which events, and how it is signed."""

    url: str
    secrets: str
    events: Sequence[str] = ()
    event_version: int = 1
    description: str = ""


class Message(msgspec.Struct, frozen=True):
    """The body in version 1. `data` are the facts of the entry, as `GET /v1/events` shows them."""

    type: str
    timestamp: datetime
    version: int
    data: Mapping[str, object]


_encoder = msgspec.json.Encoder(order="deterministic")


class Webhook:
    """Tells a server what was committed, in the form of Standard Webhooks."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the secrets, without showing them."""
        secrets = settings.get("secrets")
        if not isinstance(secrets, str):
            return []
        try:
            read_secrets(secrets)
        except BadSecret as why:
            return [SettingProblem(field="secrets", detail=str(why))]
        return []

    async def deliver(self, context: Context, event: CallbackEvent) -> Delivered:
        """Post the event; raises NotTaken or NoAnswer until a 2xx says that it was taken."""
        settings = msgspec.convert(dict(context.settings), Settings)
        if not wanted(settings.events, event.kind):
            return Delivered(note="Not sent: it is not among the events of this webhook.")
        body = body_of(event, settings.event_version)
        headers = signed(read_secrets(settings.secrets), event.id, context.now, body)
        answer = await context.http.send("POST", settings.url, headers=headers, body=body)
        if not 200 <= answer.status < 300:
            raise NotTaken(_refusal(answer))
        return Delivered(note=f"{answer.status} {_text(answer)}".rstrip())

    async def test_connection(self, context: Context) -> str:
        """Post an event of a kind that nothing else has, signed as all are; raises as `deliver`."""
        settings = msgspec.convert(dict(context.settings), Settings)
        id_ = new_id("evt")
        event = CallbackEvent(id=id_, kind=TEST, at=context.now, data={"test": True})
        body = body_of(event, settings.event_version)
        headers = signed(read_secrets(settings.secrets), id_, context.now, body)
        answer = await context.http.send("POST", settings.url, headers=headers, body=body)
        if not 200 <= answer.status < 300:
            raise NotTaken(_refusal(answer))
        return f"The server took an event of the kind {TEST}: it answered {answer.status}."


def wanted(events: Sequence[str], kind: str) -> bool:
    """Say whether events of this kind are sent: all are where none are named."""
    return not events or any(
        kind.startswith(one[:-1]) if one.endswith(".*") else kind == one for one in events
    )


def body_of(event: CallbackEvent, version: int) -> bytes:
    """Return the same bytes for an event each time."""
    return _encoder.encode(Message(event.kind, event.at, version, event.data))


def _refusal(answer: HttpAnswer) -> str:
    if 300 <= answer.status < 400:
        return MOVED.format(status=answer.status)
    if answer.status == 410:
        return GONE
    said = _text(answer)[:EXCERPT]
    return f"Answered {answer.status}: {said}" if said else f"Answered {answer.status}."


def _text(answer: HttpAnswer) -> str:
    return " ".join(answer.body.decode(errors="replace").split())


PLUGIN = Webhook()
"""What the entry point names."""
