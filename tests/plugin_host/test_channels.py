"""Channels to people are refused with the reason, where they are found and where installed."""

from pathlib import Path

import pytest
from tests.plugin_host.apart import put_in
from tests.plugin_host.built import plugin_wheel

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
from guildbank.plugin_host.apart import Walls, folder_of
from guildbank.plugin_host.discovery import Plugins

WHY = "slot notification: nothing is sent through such plugins yet"

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


def test_a_channel_is_kept_out_since_nothing_sends_by_it() -> None:
    pigeon: NotificationChannel = Pigeon()
    plugins = Plugins([("pigeon", pigeon)])
    assert plugins.manifests() == []
    assert plugins.at(Slot.NOTIFICATION, "carrier-pigeon") is None
    assert plugins.reports[0].problem == WHY


async def test_a_channel_is_not_installed_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    if (problem := Walls(tmp_path).problem) is not None:
        pytest.skip(problem)
    body = """
    async def send(self, context, notification):
        return Delivery(status=DeliveryStatus.SENT)

    async def test_connection(self, context):
        return "The loft answers."
"""
    more = "capabilities=frozenset({Medium.SMS}),"
    wheel = plugin_wheel(tmp_path, body, slot="NOTIFICATION", more=more)
    refused = await put_in(tmp_path / "data", wheel)
    assert refused is not None
    assert (refused.code, WHY in refused.detail) == ("not_a_plugin", True)
    folder = folder_of(tmp_path / "data")
    assert not folder.exists() or list(folder.iterdir()) == []
