"""Who works alone at a deployment that wants two agrees on the host, by the command line."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer

from guildbank.app.wiring import open_services
from guildbank.approvals import Policy, Rule
from guildbank.approvals.usecases.set_policy import SetPolicy
from guildbank.infra.acting import HOST
from guildbank.infra.config import Settings
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.journal import Receipt


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GuildbankServer]:
    with GuildbankServer(tmp_path / "data") as running:
        yield running


async def want_two(server: GuildbankServer) -> None:
    """Let the deployment's policy want a second person for keys and deletions."""
    services = open_services(Settings(data=server.folder))
    try:
        rules = (Rule(verb="keys.create"), Rule(verb="tenants.delete"))
        act = SetPolicy(HOST, Policy(rules=rules))
        done = await services.four_eyes.journal.submit(CONTROL_SCHEMA, act)
        assert isinstance(done, Receipt), done
    finally:
        await services.close()


def waits_as(said: str) -> str:
    """Return the id of the approval that a command said to wait for."""
    found = re.search(r"apr_[0-9a-z]{26}", said)
    assert found is not None, said
    assert f"guildbank approval approve {found[0]} --deployment" in " ".join(said.split())
    return found[0]


def test_a_key_and_a_deletion_wait_and_are_done_by_the_host(server: GuildbankServer) -> None:
    assert "Created tenant" in server.run("tenant", "create", "moonlit").stdout
    asyncio.run(want_two(server))
    wish = ("key", "create", "--tenant", "moonlit", "--name", "game", "--scope", "players:read")
    asked = waits_as(server.run(*wish).stdout)
    early = server.run("key", "fetch", asked, "--deployment")
    assert (early.returncode, "approval_pending" in early.stderr) == (1, True)
    agreed = server.run("approval", "approve", asked, "--deployment")
    assert "keys.create" in agreed.stdout
    assert "sk_" not in agreed.stdout
    token = server.run("key", "fetch", asked, "--deployment").stdout.split()[-1]
    with server.client(token) as game:
        assert game.get("/v1/players").status_code == 200
    again = server.run("key", "fetch", asked, "--deployment")
    assert (again.returncode, "approval_closed" in again.stderr) == (1, True)
    gone = waits_as(server.run("tenant", "delete", "moonlit", "--confirm", "moonlit").stdout)
    assert "moonlit" in server.run("tenant", "list").stdout
    assert "executed" in server.run("approval", "approve", gone, "--deployment").stdout
    assert "moonlit" not in server.run("tenant", "list").stdout
