"""Settings come from a file and the environment, and a mistake in either is named."""

import pytest
from pydantic import SecretStr

from guildbank.infra.config import BadSettings, Settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(tmp_path, text: str) -> None:
    (tmp_path / "guildbank.toml").write_text(text)


def test_defaults_serve_a_laptop() -> None:
    settings = Settings.load()
    assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8080, 1)
    assert settings.database_url is None
    assert settings.max_body_bytes == 1024 * 1024


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'port = 9000\nurl = "http://game.example"\n')
    monkeypatch.setenv("GUILDBANK_PORT", "9001")
    settings = Settings.load()
    assert settings.port == 9001
    assert settings.url == "http://game.example"
    assert Settings.load(port=9002).port == 9002


def test_another_file_can_be_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text("workers = 3")
    monkeypatch.setenv("GUILDBANK_CONFIG", str(tmp_path / "other.toml"))
    assert Settings.load().workers == 3
    monkeypatch.setenv("GUILDBANK_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(BadSettings, match=r"missing\.toml"):
        Settings.load()


def test_an_unknown_key_in_the_file_is_named(tmp_path) -> None:
    write(tmp_path, "prot = 9000")
    with pytest.raises(BadSettings, match="unknown setting 'prot'"):
        Settings.load()


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUILDBANK_DATABSE_URL", "postgresql://u:hunter2@db/x")
    with pytest.raises(BadSettings, match="GUILDBANK_DATABSE_URL") as caught:
        Settings.load()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "key"),
    [("port = 70000", "port"), ('workers = "many"', "workers"), ("pool_size = 0", "pool_size")],
)
def test_a_bad_value_is_named_by_its_key(tmp_path, line: str, key: str) -> None:
    write(tmp_path, line)
    with pytest.raises(BadSettings, match=f"setting '{key}'"):
        Settings.load()


def test_a_file_that_is_not_toml_is_a_clear_error(tmp_path) -> None:
    write(tmp_path, "port 9000")
    with pytest.raises(BadSettings, match=r"cannot read guildbank\.toml"):
        Settings.load()


def test_networks_are_a_list_in_the_file_and_have_commas_in_the_environment(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.load().trusted_proxies == ()
    write(tmp_path, 'trusted_proxies = ["10.0.0.0/8", "2001:db8::1"]')
    assert [str(one) for one in Settings.load().trusted_proxies] == [
        "10.0.0.0/8",
        "2001:db8::1/128",
    ]
    monkeypatch.setenv("GUILDBANK_TRUSTED_PROXIES", "10.1.0.0/16, 127.0.0.1,")
    assert [str(one) for one in Settings.load().trusted_proxies] == ["10.1.0.0/16", "127.0.0.1/32"]
    for wrong in ("10.0.0.1/8", "everybody", "*"):
        monkeypatch.setenv("GUILDBANK_TRUSTED_PROXIES", wrong)
        with pytest.raises(BadSettings, match="setting 'trusted_proxies'"):
            Settings.load()


def test_a_redis_url_that_is_none_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GUILDBANK_REDIS_URL", "http://:hunter2@cache/0")
    with pytest.raises(BadSettings, match="setting 'redis_url'") as caught:
        Settings.load()
    assert "hunter2" not in str(caught.value)


def test_secrets_never_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUILDBANK_DATABASE_URL", "postgresql://u:hunter2@db/x")
    monkeypatch.setenv("GUILDBANK_REDIS_URL", "redis://:hunter2@cache/0")
    settings = Settings.load(master_key=SecretStr("c2VjcmV0"))
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value().endswith("db/x")
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hunter2" not in shown
        assert "c2VjcmV0" not in shown
