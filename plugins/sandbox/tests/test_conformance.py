"""The plugin keeps the contract of its slot, every sentence of it."""

from plugins.sandbox.tests.shop import Shop

from guildbank.plugin_api.conformance import run_provider_conformance
from guildbank_sandbox.plugin import PLUGIN


async def test_every_check_of_the_provider_slot_passes(shop: Shop):
    context = shop.context(timeout_seconds=1)
    checks = await run_provider_conformance(PLUGIN, context, PLUGIN.rehearsal())
    assert [check for check in checks if not check.passed] == []
    assert len(checks) > 20
