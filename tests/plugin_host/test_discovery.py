"""Plugins are found, checked and, when broken, reported; a refused setting is not repeated."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from tests.payments.scripted import MANIFEST, Scripted

from guildbank.plugin_api import Manifest, Slot
from guildbank.plugin_host import Plugins, check_settings, strangers
from guildbank.plugin_host.discovery import SAFE
from guildbank.plugin_host.shipped import SHIPPED


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
        (broken(capabilities=frozenset({"dispute_stand"})), "needs fetch_dispute"),
        (broken(timeout_seconds=0), "timeout_seconds is 0, not 1 to 120"),
        (broken(timeout_seconds=121), "timeout_seconds is 121, not 1 to 120"),
        (
            broken(secret_fields=frozenset({"absent"})),
            "secret_fields names absent, which is not in settings_schema",
        ),
        (
            broken(
                settings_schema={
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"secret": {"type": "integer"}},
                },
                secret_fields=frozenset({"secret"}),
            ),
            "secret_fields names secret, which is not a string",
        ),
        (
            broken(secrets_go_with=frozenset({"absent"})),
            "secrets_go_with names absent, which is not in settings_schema",
        ),
        (broken(settings_schema={}), "settings_schema is not of type object"),
        (
            broken(settings_schema={"type": "object"}, secret_fields=frozenset()),
            "settings_schema: settings does not forbid unknown fields",
        ),
        (
            broken(
                settings_schema={
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"part": {"type": "object"}},
                },
                secret_fields=frozenset(),
            ),
            "settings_schema: settings.properties.part does not forbid unknown fields",
        ),
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


def test_what_comes_with_guildbank_is_what_lies_among_its_plugins():
    projects = (Path(__file__).parents[2] / "plugins").glob("*/pyproject.toml")
    names = {tomllib.loads(one.read_text())["project"]["name"] for one in projects}
    assert names == SHIPPED
    assert list(strangers()) == []


def test_a_stranger_that_exits_is_reported_and_in_safe_mode_it_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    info = tmp_path / "acme_fence-1.0.dist-info"
    info.mkdir()
    (tmp_path / "acme_fence.py").write_text("import sys\nsys.exit('no licence')\n")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-fence\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[guildbank.plugins]\nfence = acme_fence:PLUGIN\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(strangers()) == [("fence", "acme-fence")]
    for safe, problem in ((False, "does not load: SystemExit('no licence')"), (True, SAFE)):
        plugins = Plugins.discover(safe=safe)
        (found,) = [one for one in plugins.reports if one.name == "fence"]
        assert (found.problem, found.distribution) == (problem, "acme-fence")
        assert plugins.provider("sandbox") is not None


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
