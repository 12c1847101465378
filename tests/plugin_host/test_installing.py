"""Only a wheel that is a plugin is installed; of any other nothing is left, and it says why."""

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.plugin_host.apart import context_of, gate_in, put_in
from tests.plugin_host.built import GATE, build_wheel, plugin_code, plugin_wheel

from guildbank.plugin_api.conformance import PURCHASE, run_gate_conformance
from guildbank.plugin_host import Plugins
from guildbank.plugin_host.apart import PluginFailed, Walls, folder_of, join_installed
from guildbank.plugin_host.apart.installed import RECORD, Installed

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")


NO_TIME = "cannot be used: timeout_seconds is 500, not 1 to 120."


def raw_zip(folder: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    path = folder / "fence-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def a_text(folder: Path) -> Path:
    path = folder / "fence-1.0-py3-none-any.whl"
    path.write_text("no zip")
    return path


def a_link(folder: Path) -> Path:
    link = zipfile.ZipInfo("fence_plugin.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return raw_zip(folder, (link, b"/etc/passwd"))


def a_source(folder: Path) -> Path:
    path = folder / "fence-1.0.tar.gz"
    path.write_bytes(b"x")
    return path


def a_changed_file(folder: Path) -> Path:
    """A wheel in which a file is not the one whose hash it records."""
    good = plugin_wheel(folder)
    with zipfile.ZipFile(good) as file:
        members = [(one, file.read(one)) for one in file.namelist()]
    return raw_zip(
        folder,
        *((name, b"x = 1" if name == "fence_plugin.py" else content) for name, content in members),
    )


def two_points(folder: Path) -> Path:
    points = "fence = fence_plugin:PLUGIN\nother = fence_plugin:PLUGIN"
    return build_wheel(folder, {"fence_plugin.py": plugin_code(GATE)}, points=points)


def no_points(folder: Path) -> Path:
    return build_wheel(folder, {"fence_plugin.py": plugin_code(GATE)}, points="")


def coded(code: str) -> Callable[[Path], Path]:
    return lambda folder: build_wheel(folder, {"fence_plugin.py": code})


def needing(folder: Path) -> Path:
    files = {"fence_plugin.py": plugin_code(GATE)}
    return build_wheel(folder, files, requires=("no-such-package>=2", "msgspec>=999"))


@pytest.mark.parametrize(
    ("make", "code", "why"),
    [
        (a_text, "not_a_wheel", "cannot be read"),
        (a_source, "not_a_wheel", "no wheel by its name"),
        (lambda at: at / "fence-1.0-py3-none-any.whl", "not_a_wheel", "is not there"),
        (lambda at: raw_zip(at, ("../evil.py", b"")), "wheel_unsafe", "a path out of it"),
        (lambda at: raw_zip(at, ("/evil.py", b"")), "wheel_unsafe", "a path out of it"),
        (a_link, "wheel_unsafe", "a link"),
        (lambda at: raw_zip(at, ("b", bytes(32 << 20))), "wheel_too_large", "a bomb"),
        (lambda at: raw_zip(at, ("a.py", b"")), "not_a_wheel", "one .dist-info"),
        (a_changed_file, "wheel_unsafe", "cannot be unpacked"),
        (no_points, "not_a_plugin", "none of the entry points"),
        (two_points, "not_a_plugin", "2 of the entry points"),
        (needing, "needs_missing", "no-such-package"),
        (coded("raise RuntimeError('at import')"), "not_a_plugin", "at import"),
        (coded("PLUGIN = 1"), "not_a_plugin", "manifest"),
        (coded("import os\nos._exit(0)"), "not_a_plugin", "ended while it was loaded"),
        (coded(plugin_code("    x = 1\n")), "not_a_plugin", "needs before_provider"),
        (coded(plugin_code(GATE, more="api_min=7, api_max=9,")), "not_a_plugin", "api 7 to 9"),
        (coded(plugin_code(GATE, more="timeout_seconds=500,")), "not_a_plugin", NO_TIME),
        (
            coded(plugin_code(GATE, more='secret_fields=frozenset({"token"}),')),
            "not_a_plugin",
            "cannot be used: secret_fields names token, which is not in settings_schema.",
        ),
        (
            coded(plugin_code(GATE, properties='"part": {"type": "object"}')),
            "not_a_plugin",
            "settings_schema: settings.properties.part does not forbid unknown fields",
        ),
        (coded(plugin_code(GATE, id_="../up")), "not_a_plugin", "which is none"),
    ],
)
async def test_what_is_no_plugin_is_refused_with_its_reason_and_leaves_nothing(
    tmp_path: Path, make: Callable[[Path], Path], code: str, why: str
):
    refused = await put_in(tmp_path / "data", make(tmp_path))
    assert refused is not None
    assert refused.code == code
    assert why in refused.detail
    assert left_in(tmp_path / "data") == []
    assert not (tmp_path / "evil.py").exists()


def left_in(data: Path) -> list[str]:
    folder = folder_of(data)
    return sorted(os.listdir(folder)) if folder.exists() else []


async def test_the_same_version_again_is_refused_and_the_first_stays(tmp_path: Path):
    data, wheel = tmp_path / "data", plugin_wheel(tmp_path)
    assert await put_in(data, wheel) is None
    refused = await put_in(data, wheel)
    assert refused is not None
    assert refused.code == "plugin_not_newer"
    assert left_in(data) == ["fence"]


async def test_what_it_needs_may_be_given_as_further_wheels(tmp_path: Path):
    body = """
    async def before_provider(self, context, purchase):
        import fence_words
        return Annotated(annotations={"word": fence_words.WORD})
"""
    files = {"fence_plugin.py": plugin_code(body)}
    wheel = build_wheel(tmp_path, files, requires=("fence_words==1.0",))
    words = build_wheel(
        tmp_path, {"fence_words.py": "WORD = 'lent'"}, name="fence_words", points=""
    )
    assert await put_in(tmp_path / "data", wheel, words) is None
    plugins = Plugins()
    join_installed(plugins, tmp_path / "data")
    said = await gate_in(plugins).before_provider(context_of(), PURCHASE)
    await plugins.close()
    assert said.annotations == {"word": "lent"}


async def test_one_whose_record_does_not_keep_the_rules_of_today_is_not_used(tmp_path: Path):
    data = tmp_path / "data"
    assert await put_in(data, plugin_wheel(tmp_path)) is None
    path = folder_of(data) / "fence" / RECORD
    record = msgspec.json.decode(path.read_bytes(), type=Installed)
    manifest = msgspec.structs.replace(record.manifest, timeout_seconds=500)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(record, manifest=manifest)))
    plugins = Plugins()
    join_installed(plugins, data)
    assert gate_in(plugins) is None
    assert plugins.reports[0].problem == "timeout_seconds is 500, not 1 to 120"


async def test_one_whose_files_were_changed_since_is_not_used(tmp_path: Path):
    data = tmp_path / "data"
    assert await put_in(data, plugin_wheel(tmp_path)) is None
    change(folder_of(data) / "fence" / "files" / "fence_plugin.py")
    plugins = Plugins()
    join_installed(plugins, data)
    assert gate_in(plugins) is None
    assert "not those that were installed" in (plugins.reports[0].problem or "")


def change(path: Path) -> None:
    path.write_text(path.read_text() + "\nx = 1\n")


async def test_in_safe_mode_it_is_there_and_answers_nothing(tmp_path: Path):
    data = tmp_path / "data"
    assert await put_in(data, plugin_wheel(tmp_path)) is None
    plugins = Plugins()
    join_installed(plugins, data, safe=True)
    assert "safe mode" in (plugins.reports[0].problem or "")
    with pytest.raises(PluginFailed, match="safe mode"):
        await gate_in(plugins).before_provider(context_of(), PURCHASE)


async def test_a_shipped_gate_keeps_its_contract_behind_the_wall(tmp_path: Path):
    """The plugin `amounts`, as it would come in a wheel under another id."""
    source = Path(__file__).parents[2] / "plugins" / "amounts" / "src" / "guildbank_amounts"
    files = {f"fence_amounts/{one.name}": text_of(one) for one in python_files(source)}
    files = {
        name: text.replace("guildbank_amounts", "fence_amounts") for name, text in files.items()
    }
    files["fence_amounts/manifest.py"] = files["fence_amounts/manifest.py"].replace(
        '"amounts"', '"fence"', 1
    )
    wheel = build_wheel(tmp_path, files, points="fence = fence_amounts.plugin:PLUGIN")
    assert await put_in(tmp_path / "data", wheel) is None
    plugins = Plugins()
    join_installed(plugins, tmp_path / "data")
    (report,) = plugins.reports
    assert report.manifest is not None
    gate = plugins.at(report.manifest.slot, "fence")
    limits = {"limits": [{"money": "EUR", "least_minor": 100, "most_minor": 5_000}]}
    checks = await run_gate_conformance(gate, context_of("conformance", **limits))  # type: ignore[arg-type]
    await plugins.close()
    assert [check.name for check in checks if check.ran and not check.passed] == []
    assert sum(check.passed for check in checks) >= 5


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.py"))


def text_of(path: Path) -> str:
    return path.read_text()
