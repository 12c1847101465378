"""Where one person works, whoever holds the host is the second one, on the command line."""

import asyncio
from typing import Any

import pytest
from tests.approvals.office import ALWAYS, Office, waits
from tests.studio import MASTER_KEY, done
from typer.testing import CliRunner

from guildbank.app.cli import app


@pytest.fixture
def host(office: Office, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs a command on the host of the office."""
    settings = office.city.services.settings
    monkeypatch.setenv("GUILDBANK_DATABASE_URL", office.city.url)
    monkeypatch.setenv("GUILDBANK_MASTER_KEY", MASTER_KEY)
    monkeypatch.setenv("GUILDBANK_DATA", str(settings.data))

    async def run(*words: str) -> str:
        where = ("--tenant", office.studio.ref.slug)
        result = await asyncio.to_thread(CliRunner().invoke, app, ["approval", *words, *where])
        assert result.exit_code == 0, result.output
        return result.output

    return run


async def test_the_host_lists_shows_and_agrees(office: Office, host: Any) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    assert asked["id"] in await host("list")
    shown = await host("show", asked["id"])
    assert "wallets.grant" in shown
    assert office.player in shown
    assert "executed" in await host("approve", asked["id"], "--note", "seen")
    assert await office.coins() == 50
    agreed = done(await office.olga.http.get(f"/v1/approvals/{asked['id']}"))
    assert (agreed["decidedBy"], agreed["note"]) == ("host", "seen")
    assert asked["id"] not in await host("list")


async def test_the_host_turns_four_eyes_off_for_an_owner_who_is_alone(
    office: Office, host: Any
) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.olga.http.put("/v1/approval-policy", json={"rules": []}))
    await host("approve", asked["id"])
    assert done(await office.olga.http.get("/v1/approval-policy"))["rules"] == []
    done(await office.grant(office.olga.http, 50))


async def test_the_host_agrees_to_an_invitation_and_rejects_another(
    office: Office, host: Any
) -> None:
    await office.policy(ALWAYS)
    bodies = [{"address": f"{name}@staff.example", "roles": ["owner"]} for name in ("ann", "bob")]
    first, second = [
        waits(await office.olga.http.post("/v1/operator-invitations", json=body)) for body in bodies
    ]
    await host("approve", first["id"])
    assert "rejected" in await host("reject", second["id"], "--reason", "nobody knows Bob")
    (made,) = done(await office.olga.http.get("/v1/operator-invitations"))["items"]
    assert made["address"] == "ann@staff.example"
