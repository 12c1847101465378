"""Whoever runs the host installs a plugin, sees where it is from, and removes it, on record."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from tests.plugin_host.built import plugin_wheel

from guildbank.infra.postgres import Cluster
from guildbank.plugin_host import Walls

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
    assert "has the id fence, which another plugin has" in again.stderr
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


def test_what_ships_with_guildbank_is_not_removed(host: dict[str, str]) -> None:
    refused = guildbank(host, "plugin", "remove", "amounts")
    assert refused.returncode == 1
    assert "those that come with Guildbank stay" in refused.stderr
