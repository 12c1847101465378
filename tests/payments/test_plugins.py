"""Plugins are found, checked and, when broken, reported; gates veto before money moves."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import MANIFEST, Scripted
from tests.payments.shop import Shop, open_shop

from guildbank.kernel import Refusal
from guildbank.payments import Plugins
from guildbank.payments.plugins import check_settings
from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, Slot, Veto


class Gate:
    """An entry and middleware plugin that answers as told."""

    def __init__(self, slot: Slot, answer: object, *, fail_closed: bool = True) -> None:
        self.manifest = Manifest(
            id=f"gate-{slot}", version="1", slot=slot, title="Gate", timeout_seconds=1,
            settings_schema={"type": "object", "additionalProperties": False},
            fail_closed=fail_closed,
        )  # fmt: skip
        self.answer = answer
        self.seen: list[PurchaseView] = []

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.seen.append(purchase)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer == "late":
            await asyncio.sleep(30)
        assert isinstance(self.answer, Annotated | Veto)
        return self.answer

    before_provider = admit


async def gated(house: House, gate: Gate) -> Shop:
    return await open_shop(house, plugins=(("gate", gate),))


@pytest.mark.parametrize("slot", [Slot.ENTRY, Slot.MIDDLEWARE])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Veto(code="too_young", detail="No purchases for children."), "purchase_vetoed"),
        (RuntimeError("down"), "gate_unavailable"),
        ("late", "gate_unavailable"),
    ],
)
async def test_a_gate_that_vetoes_fails_or_is_late_refuses(house, slot, answer, code):
    shop = await gated(house, Gate(slot, answer))
    outcome = await shop.try_buying(await shop.player())
    if slot is Slot.ENTRY:
        assert isinstance(outcome, Refusal)
        assert outcome.code == code
        assert await shop.kinds() == []
    else:
        assert not isinstance(outcome, Refusal)
        assert (outcome.state, outcome.problem) == ("failed", code)
    assert shop.script.requests == []
    assert await shop.balances() == {}


async def test_a_gate_that_declares_so_does_not_stop_purchases_when_it_is_down(house):
    shop = await gated(house, Gate(Slot.ENTRY, RuntimeError("down"), fail_closed=False))
    assert (await shop.buy(await shop.player())).state == "credited"


async def test_gates_see_the_price_and_may_only_annotate(house):
    gate = Gate(Slot.MIDDLEWARE, Annotated(annotations={"score": "7"}))
    shop = await gated(house, gate)
    player = await shop.player()
    assert (await shop.buy(player)).state == "credited"
    (seen,) = gate.seen
    assert (seen.amount_minor, seen.currency, seen.player_id) == (499, "EUR", player)


def broken(**changes: object) -> object:
    plugin = Scripted()

    class Changed(Scripted):
        @property
        def manifest(self) -> Manifest:
            return msgspec.structs.replace(plugin.manifest, **changes)

    return Changed()


class NoManifest:
    @property
    def manifest(self) -> Mapping[str, str]:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("plugin", "problem"),
    [
        (broken(api_min=2, api_max=3), "works with api 2 to 3"),
        (broken(settings_schema={"type": "objekt"}), "settings schema is invalid"),
        (broken(slot=Slot.CALLBACK), "slot callback needs deliver"),
        (NoManifest(), "no usable manifest"),
        (object(), "no usable manifest"),
    ],
)
def test_a_broken_plugin_is_reported_and_not_used(plugin: object, problem: str):
    plugins = Plugins([("bad", plugin), ("good", Scripted())])
    bad, good = plugins.reports
    assert bad.problem is not None
    assert problem in bad.problem
    assert good.problem is None
    assert plugins.provider("scripted") is not None
    assert [one.id for one in plugins.manifests()] == ["scripted"]


def test_of_two_plugins_with_one_id_the_first_is_used():
    first = Scripted()
    plugins = Plugins([("one", first), ("two", Scripted())])
    assert plugins.provider(MANIFEST.id) is first
    assert "another plugin has the id" in (plugins.reports[1].problem or "")


def test_the_installed_plugins_are_found():
    plugins = Plugins.discover()
    assert not [report for report in plugins.reports if report.problem]
    assert {"sandbox", "stripe"} <= {manifest.id for manifest in plugins.manifests()}


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"minProperties": 3}, "settings"),
        ({"anyOf": [{"required": ["x"]}, {"required": ["y"]}]}, "settings"),
        ({"properties": {"secret": {"type": "string", "pattern": "^sk_"}}}, "settings.secret"),
        ({"properties": {"region": {"enum": ["eu", "us"]}}}, "settings.region"),
    ],
)
def test_a_refused_setting_is_named_and_no_value_is_told(rule: dict[str, object], field: str):
    manifest = msgspec.structs.replace(
        MANIFEST,
        settings_schema={"type": "object", **rule},
        secret_fields=frozenset({"secret"}),
    )
    refused = check_settings(manifest, {"secret": "hunter2", "region": "moonbase"})
    assert refused is not None
    assert (refused.code, refused.field) == ("invalid_settings", field)
    assert "hunter2" not in refused.detail
    assert "moonbase" not in refused.detail
