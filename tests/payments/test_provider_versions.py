"""A payment goes on with whatever newest version of its provider reads what the first one left."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.plugin_host.apart import put_in
from tests.plugin_host.built import plugin_wheel

from guildbank.kernel import Refusal
from guildbank.payments.usecases.accounts import get_provider, line_to
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.limit_versions import limit_versions
from guildbank.plugin_api import Manifest, SettingsMigration, Slot
from guildbank.plugin_host import (
    Walls,
    find_installed,
    folder_of,
    join_installed,
    remove_installed,
    renew_settings,
)

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

BODY = """
    async def create_payment(self, context, request):
        return self._said(request, f"{self.manifest.version}/{request.attempt_id}")

    async def fetch_payment(self, context, attempt_id, reference):
        return Outcome(status=OutcomeStatus.UNKNOWN)

    cancel_payment = fetch_payment

    async def refund(self, context, request):
        return self._said(request, f"{self.manifest.version}/{request.refund_id}")

    async def fetch_refund(self, context, request, reference):
        return await self.refund(context, request)

    async def read_webhook(self, context, headers, body):
        return WebhookRejected(code="malformed", detail="It takes none.")

    async def test_connection(self, context):
        return "It answers."

    def _said(self, request, reference):
        return Outcome(
            status=OutcomeStatus.PROCESSED, amount_minor=request.amount_minor,
            currency=request.currency, reference=reference,
        )
"""
MORE = 'sandbox=True, secret_fields=frozenset({"key"}),'
FIRST = '"key": {"type": "string"}, "shop": {"type": "string"}'
SECOND = '"key": {"type": "string"}, "store": {"type": "string", "minLength": 3}'
RENAMED = 'settings_migrations=(SettingsMigration(version="2.0.0", renamed={"shop": "store"}),),'


class Counter:
    """A shop with versions of one provider, installed one after the other while it is open."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.folder = shop, folder
        self.plugins = shop.payments.plugins

    async def put(self, version: str, more: str = "", properties: str = FIRST) -> None:
        wheel = plugin_wheel(
            self.folder, BODY, id_="fence", slot="PROVIDER", more=MORE + more, version=version,
            properties=properties,
        )  # fmt: skip
        refused = await put_in(self.folder / "data", wheel)
        assert refused is None, refused
        await self.plugins.look_again()

    async def remove(self, *versions: str) -> None:
        found = find_installed(folder_of(self.folder / "data"))
        remove_installed(
            [one for one in found if one.installed and one.installed.manifest.version in versions]
        )
        assert await self.plugins.look_again()

    async def configure(self, **settings: str) -> Any:
        return await configure_provider(
            self.shop.payments, self.shop.tenant, "fence", settings, enabled=True
        )

    async def buy(self) -> Any:
        intent = await self.shop.buy(await self.shop.player(), provider="fence")
        assert intent.state == "credited"
        return intent

    async def references(self, intent: Any) -> list[str]:
        """Return which versions were called for a payment, in the order of the calls."""
        dossier = await self.shop.dossier(intent)
        said = [one.reference or "none" for one in dossier.attempts]
        said += [one.reference or "none" for one in dossier.refunds]
        return [one.partition("/")[0] for one in said]

    async def lost(self, **changes: Any) -> list[str]:
        """Return what an upgrade to a version with these changes would not read."""
        plugin = self.plugins.provider("fence")
        assert plugin is not None
        about = {"version": "9.0.0", "state_version": 1, **changes}
        wanted = msgspec.structs.replace(plugin.manifest, **about)
        services = SimpleNamespace(db=self.shop.house.db, payments=self.shop.payments)
        return await limit_versions(services, self.shop.tenant, [wanted])


@pytest.fixture
async def counter(house: House, tmp_path: Path) -> AsyncIterator[Counter]:
    shop = await open_shop(house)
    (tmp_path / "data").mkdir(mode=0o700)
    join_installed(shop.payments.plugins, tmp_path / "data")
    counter = Counter(shop, tmp_path)
    await counter.put("1.0.0")
    made = await counter.configure(key="key-of-the-shop", shop="north")
    assert not isinstance(made, Refusal), made
    yield counter
    await counter.plugins.close()


async def test_refunds_run_the_newest_version_that_reads_the_attempt(counter: Counter) -> None:
    first = await counter.buy()
    await counter.put("2.0.0", "state_version=2, reads_states=frozenset({1}),")
    second = await counter.buy()
    # It came while a version that cannot read the state of the first one was being chosen.
    await counter.put("3.0.0", "state_version=3, reads_states=frozenset({2}),")
    for intent in (first, second):
        await counter.shop.refunded(intent)
    third = await counter.buy()
    assert await counter.references(first) == ["1.0.0", "2.0.0"]
    assert await counter.references(second) == ["2.0.0", "3.0.0"]
    assert await counter.references(third) == ["3.0.0"]


async def test_payments_that_run_while_it_is_upgraded_are_all_credited(counter: Counter) -> None:
    under_way = [asyncio.create_task(counter.buy()) for _ in range(8)]
    await counter.put("1.1.0")
    bought = await asyncio.gather(*under_way, counter.buy(), counter.buy())
    by = [(await counter.references(one))[0] for one in bought]
    assert set(by[:8]) <= {"1.0.0", "1.1.0"}
    assert by[8:] == ["1.1.0", "1.1.0"]


async def test_a_payment_that_no_version_reads_rests_and_says_why(counter: Counter) -> None:
    intent = await counter.buy()
    await counter.put("2.0.0", "state_version=2,")
    await counter.remove("1.0.0")
    refund = await counter.shop.refund(intent)
    assert not isinstance(refund, Refusal)
    assert refund.state in ("created", "unknown")
    await counter.put("2.1.0", "state_version=2, reads_states=frozenset({1}),")
    await counter.shop.later(minutes=10)
    assert await counter.references(intent) == ["1.0.0", "2.1.0"]


async def test_an_upgrade_is_refused_while_payments_may_go_back_that_it_cannot_read(
    counter: Counter,
) -> None:
    first, _ = await counter.buy(), await counter.buy()
    assert await counter.lost() == []
    (why,) = await counter.lost(state_version=2)
    assert "state 1 of 2 payments" in why
    assert await counter.lost(state_version=2, reads_states=frozenset({1})) == []
    await counter.shop.refunded(first)
    (why,) = await counter.lost(state_version=2)
    assert "state 1 of 1 payments" in why


async def test_a_newer_version_reads_old_settings_by_its_steps_and_secrets_stay(
    counter: Counter,
) -> None:
    await counter.put("2.0.0", RENAMED, SECOND)
    line = await line_to(counter.shop.payments, counter.shop.tenant, "fence")
    assert not isinstance(line, Refusal)
    assert line.context.settings == {"key": "key-of-the-shop", "store": "north"}
    shown = await get_provider(counter.shop.payments, counter.shop.tenant, "fence")
    assert not isinstance(shown, Refusal)
    assert (shown.settings, shown.secrets_set, shown.problem) == (
        {"store": "north"},
        ("key",),
        None,
    )
    saved = await counter.configure(store="south")
    assert not isinstance(saved, Refusal)
    line = await line_to(counter.shop.payments, counter.shop.tenant, "fence")
    assert not isinstance(line, Refusal)
    assert line.context.settings == {"key": "key-of-the-shop", "store": "south"}
    assert await counter.references(await counter.buy()) == ["2.0.0"]


async def test_an_account_whose_settings_it_cannot_read_rests_until_they_are_saved_anew(
    counter: Counter,
) -> None:
    schema = {
        "type": "object", "additionalProperties": False, "properties": {"key": {"type": "string"}},
    }  # fmt: skip
    (why,) = await counter.lost(settings_schema=schema)
    assert "the provider's account" in why
    assert "north" not in why
    await counter.put("2.0.0", "", SECOND)
    refused = await counter.shop.try_buying(await counter.shop.player(), provider="fence")
    assert isinstance(refused, Refusal)
    assert refused.code == "settings_unread"
    shown = await get_provider(counter.shop.payments, counter.shop.tenant, "fence")
    assert not isinstance(shown, Refusal)
    assert "Version 2.0.0 of fence cannot read the settings" in (shown.problem or "")
    assert not isinstance(await counter.configure(store="north"), Refusal)
    await counter.buy()


def test_steps_apply_to_older_settings_alone_and_in_their_order() -> None:
    manifest = Manifest(
        id="one", version="3.0.0", slot=Slot.PROVIDER, title="t", settings_schema={},
        settings_migrations=(
            SettingsMigration(version="2.0.0", renamed={"a": "b"}, added={"mode": "slow"}),
            SettingsMigration(
                version="3.0.0", renamed={"b": "c"}, removed=("old",),
                values={"mode": {"slow": "S"}},
            ),
        ),
    )  # fmt: skip
    assert renew_settings(manifest, {"a": 1, "old": 2}, "1.4.0") == {"c": 1, "mode": "S"}
    assert renew_settings(manifest, {"b": 1, "mode": "fast"}, "2.0.0") == {"c": 1, "mode": "fast"}
    assert renew_settings(manifest, {"b": 1, "mode": "slow"}, "3.0.0") == {"b": 1, "mode": "slow"}
    assert renew_settings(manifest, {"a": 1}, "") == {"c": 1, "mode": "S"}
