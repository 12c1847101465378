"""Each shipped provider can be led to a wrong server and shows a webhook, or says why not."""

from typing import Any

import pytest

from guildbank.plugin_api import Slot
from guildbank.plugin_host import Plugins

FOUND = Plugins.discover()
PROVIDERS = sorted(one.id for one in FOUND.manifests() if one.slot is Slot.PROVIDER)


def test_the_shipped_providers_are_found() -> None:
    assert {"stripe", "paypal", "app_store", "google_play", "steam_wallet"} <= set(PROVIDERS)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_rehearsal_leads_to_wrong_servers_and_shows_a_webhook(provider: str) -> None:
    plugin: Any = FOUND.provider(provider)
    rehearsal = plugin.rehearsal()
    assert (rehearsal.redirected is None) is (not plugin.manifest.egress_hosts)
    assert (rehearsal.webhook is None) is (rehearsal.no_old_webhooks is not None)
