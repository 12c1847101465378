"""Whoever runs the host installs a plugin, sees where it is from, and removes it, on record."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr
from tests.plugin_host.built import plugin_wheel

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.infra.postgres import Cluster
from guildbank.kernel import Refusal
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_host import Walls
from guildbank.tenancy import create_tenant

PROVIDER = """
    async def create_payment(self, context, request):
        return Outcome(status=OutcomeStatus.PENDING)

    fetch_payment = cancel_payment = refund = fetch_refund = create_payment
    read_webhook = test_connection = create_payment
"""

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")


@pytest.fixture
def host(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """The environment of commands over a database of their own."""
    url = cluster.create_database("test_installed_plugin")
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GUILDBANK_")}
    environment |= {"GUILDBANK_DATABASE_URL": url, "GUILDBANK_DATA": str(data)}
    guildbank(environment, "migrate")
    return environment


def guildbank(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "guildbank.app.cli", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


async def kinds_in(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT kind FROM guildbank.journal_entry ORDER BY seq")
    finally:
        await connection.close()
    return [row[0] for row in rows]


def test_a_plugin_is_installed_shown_and_removed(host: dict[str, str], tmp_path: Path) -> None:
    wheel = plugin_wheel(tmp_path)
    installed = guildbank(host, "plugin", "install", str(wheel))
    assert installed.returncode == 0, installed.stderr
    assert "sha256:" in installed.stdout
    again = guildbank(host, "plugin", "install", str(wheel))
    assert again.returncode == 1
    assert "is version 1.0.0 of fence, and 1.0.0 is installed" in flat(again.stderr)
    listed = guildbank(host, "plugin", "list").stdout
    line = next(one for one in listed.splitlines() if "fence" in one)
    assert "fence-1.0" in line
    tried = guildbank(host, "plugin", "test", "fence")
    assert tried.returncode == 0, tried.stdout
    removed = guildbank(host, "plugin", "remove", "fence")
    assert removed.returncode == 0, removed.stderr
    assert "fence" not in guildbank(host, "plugin", "list").stdout
    kinds = asyncio.run(kinds_in(host["GUILDBANK_DATABASE_URL"]))
    assert [one for one in kinds if one.startswith("plugins.")] == [
        "plugins.installed",
        "plugins.removed",
    ]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_an_upgrade_is_refused_that_cannot_read_what_tenants_stored_and_taken_back_if_wanted(
    host: dict[str, str], tmp_path: Path
) -> None:
    install = ("plugin", "install")
    provider = {"body": PROVIDER, "slot": "PROVIDER", "more": "sandbox=True,"}
    first = guildbank(host, *install, str(plugin_wheel(tmp_path, **provider)))
    assert first.returncode == 0, first.stderr
    asyncio.run(account_in(host))
    other = '"phrase": {"type": "string"}'
    wheel = plugin_wheel(tmp_path, **provider, version="2.0.0", properties=other)
    refused = guildbank(host, *install, str(wheel))
    assert refused.returncode == 1
    said = flat(refused.stderr)
    assert "fence 2.0.0 does not take the place of 1.0.0" in said
    assert "the provider's account" in said
    assert "of tenant isle" in said
    steps = """sandbox=True, settings_migrations=(
        SettingsMigration(version="2.0.0", renamed={"word": "phrase"}),
    ),"""
    about = {**provider, "more": steps}
    wheel = plugin_wheel(tmp_path, **about, version="2.0.0", properties=other)
    taken = guildbank(host, *install, str(wheel))
    assert taken.returncode == 0, taken.stderr
    back = guildbank(host, "plugin", "remove", "fence", "--version", "2.0.0")
    assert back.returncode == 0, back.stderr
    listed = guildbank(host, "plugin", "list").stdout
    assert ("1.0.0" in listed, "2.0.0" in listed) == (True, False)


async def account_in(environment: dict[str, str]) -> None:
    """Make the tenant `isle` with an account at the provider, as its people would."""
    settings = Settings(
        database_url=SecretStr(environment["GUILDBANK_DATABASE_URL"]),
        data=Path(environment["GUILDBANK_DATA"]),
    )
    services = open_services(settings)
    try:
        made = await create_tenant(services.tenancy, "isle", "Isle")
        assert not isinstance(made, Refusal), made
        done = await configure_provider(
            services.payments, made.ref, "fence", {"word": "x"}, enabled=True
        )
        assert not isinstance(done, Refusal), done
    finally:
        await services.close()


def test_what_ships_with_guildbank_is_not_removed(host: dict[str, str]) -> None:
    refused = guildbank(host, "plugin", "remove", "amounts")
    assert refused.returncode == 1
    assert "those that come with Guildbank stay" in refused.stderr
