"""Channels to people are found and checked like other plugins, though nothing sends by them yet."""

import msgspec
import pytest

from guildbank.plugin_api import (
    Context,
    Delivery,
    DeliveryStatus,
    Manifest,
    Medium,
    Notification,
    NotificationChannel,
    Slot,
)
from guildbank.plugin_host.discovery import Plugins

MANIFEST = Manifest(
    id="carrier-pigeon",
    version="1.0.0",
    slot=Slot.NOTIFICATION,
    title="Carrier pigeon",
    capabilities=frozenset({Medium.SMS}),
    settings_schema={"type": "object", "additionalProperties": False, "properties": {}},
)


class Pigeon:
    def __init__(self, manifest: Manifest = MANIFEST) -> None:
        self._manifest = manifest

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    async def send(self, context: Context, notification: Notification) -> Delivery:
        return Delivery(status=DeliveryStatus.SENT, reference=notification.id)

    async def test_connection(self, context: Context) -> str:
        return "The loft answers."


class Mute:
    manifest = MANIFEST


def test_a_channel_is_found() -> None:
    pigeon: NotificationChannel = Pigeon()
    plugins = Plugins([("pigeon", pigeon)])
    assert plugins.channels == (pigeon,)
    assert [(one.id, one.slot) for one in plugins.manifests()] == [
        ("carrier-pigeon", "notification")
    ]
    assert plugins.provider("carrier-pigeon") is None


@pytest.mark.parametrize(
    ("plugin", "problem"),
    [
        (Mute(), "slot notification needs send, test_connection"),
        (
            Pigeon(msgspec.structs.replace(MANIFEST, capabilities=frozenset())),
            "needs a medium among its capabilities: telegram, sms",
        ),
    ],
)
def test_a_channel_that_cannot_be_used_is_reported(plugin: object, problem: str) -> None:
    plugins = Plugins([("pigeon", plugin)])
    assert plugins.channels == ()
    assert problem in (plugins.reports[0].problem or "")
