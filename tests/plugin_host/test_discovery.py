"""Plugins are found, checked and, when broken, reported; a refused setting is not repeated."""

from collections.abc import Mapping

import msgspec
import pytest
from tests.payments.scripted import MANIFEST, Scripted

from guildbank.plugin_api import Manifest, Slot
from guildbank.plugin_host import Plugins, check_settings


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
        (broken(evidence_fields={"letter": 10}), "needs fetch_dispute, submit_evidence"),
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
