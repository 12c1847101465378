"""A worker is killed at each point of a request and of an execution: it happened whole, or not."""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.approvals.office import Office, ask, decide, open_office, read, waits
from tests.crew import ROOT, state_of
from tests.faults.clerk import Deed
from tests.staff import Person, hired
from tests.studio import GEM, City, done, open_city

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.postgres import Cluster
from guildbank.journal.usecases.verify import verify_journal
from guildbank.ledger.reading.chained import CHAINED_TRANSFERS

TITLE = "a worker killed within a request for approval, or within what was agreed to"
POINTS = (
    "journal_locked",
    "rows_loaded",
    "written",
    "before_commit",
    "after_commit",
)
OF_REQUESTS = POINTS[2:]
"""A spend locks no row before the journal, so its batch begins with that."""
OF_CHANGES = ("change_made", "change_decided")
RULES: tuple[dict[str, Any], ...] = (
    {"verb": "wallets.spend", "asset": GEM, "above": 20}, {"verb": "keys.create"},
)  # fmt: skip
COUNT = "SELECT count(*) FROM approvals_request WHERE player = $1"
SUM = "SELECT coalesce(sum(amount), 0) FROM ledger_hold WHERE owner = $1 AND state = 'open'"


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_faults_four_eyes")
    async with open_city(url, tmp_path_factory.mktemp("four-eyes")) as city:
        yield city


@pytest.fixture(scope="module")
async def office(city: City) -> AsyncIterator[Office]:
    """A studio where two persons must agree to keys, and to spends above 20."""
    async with open_office(city) as office:
        await office.policy(*RULES)
        yield office


@pytest.fixture
async def player(office: Office) -> str:
    """Somebody with 100 coins."""
    player = await office.studio.player()
    await office.studio.grant(player, 100)
    return player


async def killed(office: Office, stop_at: str, verb: Any, by: Person, subject: str, **more: Any):
    """Let another process do it, and kill it at the point."""
    settings = office.city.services.settings
    where = {"tenant": office.studio.ref.slug} | more
    deed = Deed(
        url=office.city.url, folder=str(settings.data), verb=verb, by=by.id, subject=subject,
        stop_at=stop_at, **where,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.clerk",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(deed))
    process.stdin.close()
    async with asyncio.timeout(60):
        while process.returncode is None and state_of(process.pid) != "T":  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    if process.returncode is not None:
        assert process.stdout is not None
        raise AssertionError(
            f"{stop_at} is not met at all: {(await process.stdout.read()).decode()}"
        )
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def wallet(office: Office, player: str) -> tuple[int, int]:
    """Return what the player has, and what of it is free."""
    found = await office.studio.wallet(player)
    return found["total"], found["available"]


async def requests_and_held(office: Office, player: str) -> tuple[int, int]:
    """Return how many requests there are about the player, and the coins that are put aside."""
    requests = (await office.studio.sql(COUNT, player))[0][0]
    return requests, int((await office.studio.sql(SUM, player))[0][0])


@pytest.mark.parametrize("point", OF_REQUESTS)
async def test_a_request_that_is_killed_is_there_with_its_hold_or_not_at_all(
    office: Office, player: str, tally: Counter[str], point: str
) -> None:
    key = f"killed-{point}"
    await killed(office, point, "ask", office.olga, player, key=key)
    found = await requests_and_held(office, player)
    assert found in ((0, 0), (1, 30)), "a request without its hold, or a hold without its request"
    assert await wallet(office, player) == (100, 100 - found[1])
    tally["requests killed at a point"] += 1
    tally["of these had happened"] += found[0]
    body = {"playerId": player, "currency": GEM, "amount": 30}
    again = waits(await ask(office.olga.http, "/v1/spends", body, key))
    assert again["id"] == waits(await ask(office.olga.http, "/v1/spends", body, key))["id"]
    assert await requests_and_held(office, player) == (1, 30)
    done(await decide(office.olga, again, "cancel"))
    assert await requests_and_held(office, player) == (1, 0)
    assert await wallet(office, player) == (100, 100)


@pytest.mark.parametrize("point", POINTS)
async def test_an_execution_that_is_killed_was_done_once_or_waits_with_its_hold(
    office: Office, player: str, tally: Counter[str], point: str
) -> None:
    body = {"playerId": player, "currency": GEM, "amount": 30}
    asked = waits(await ask(office.olga.http, "/v1/spends", body, f"agreed-{point}"))
    await killed(office, point, "approve", office.pavel, asked["id"])
    state = (await read(office.olga, asked))["state"]
    seen = state, await wallet(office, player), await requests_and_held(office, player)
    assert seen in (("pending", (100, 70), (1, 30)), ("executed", (70, 70), (1, 0)))
    tally["executions killed at a point"] += 1
    tally["of these had been done"] += state == "executed"
    agreed = done(await decide(office.pavel, asked))
    assert (agreed["state"], agreed["answer"]["balance"]) == ("executed", 70)
    assert await wallet(office, player) == (70, 70)
    assert await requests_and_held(office, player) == (1, 0)
    replayed = waits(await ask(office.olga.http, "/v1/spends", body, f"agreed-{point}"))
    assert (replayed["id"], replayed["state"]) == (asked["id"], "executed")


@pytest.mark.parametrize("point", OF_CHANGES)
async def test_a_key_whose_fetching_is_killed_is_not_there_and_can_be_fetched(
    office: Office, tally: Counter[str], point: str
) -> None:
    wish = {"name": point, "scopes": ["players:read"]}
    asked = waits(await office.olga.http.post("/v1/keys", json=wish))
    await killed(office, point, "approve", office.pavel, asked["id"])
    assert (await read(office.olga, asked))["state"] == "pending"
    done(await decide(office.pavel, asked))
    await killed(office, point, "fetch", office.olga, asked["id"])
    assert (await read(office.olga, asked))["state"] == "agreed"
    keys = done(await office.olga.http.get("/v1/keys"))["items"]
    assert point not in [one["name"] for one in keys]
    done(await office.olga.http.post(f"/v1/approvals/{asked['id']}/key"))
    tally["keys killed in being made"] += 1


@pytest.fixture
async def roots(city: City) -> AsyncIterator[Sequence[Person]]:
    """Two owners of the deployment, who want each other for a deletion."""
    pages = [city.client() for _ in range(2)]
    people = [await hired(city.services.identity, page, None, "owner") for page in pages]
    body = {"rules": [{"verb": "tenants.delete"}]}
    done(await people[0].agreed.put("/v1/approval-policy", json=body))
    yield people
    for page in pages:
        await page.aclose()
    async with city.services.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute("DELETE FROM approvals_policy")


@pytest.mark.parametrize("point", OF_CHANGES)
async def test_a_deletion_that_is_killed_leaves_the_tenant_as_it_was(
    city: City, office: Office, roots: Sequence[Person], tally: Counter[str], point: str
) -> None:
    doomed = await city.studio()
    player = await doomed.player()
    await doomed.grant(player, 5)
    path = f"/v1/tenants/{doomed.ref.slug}/delete"
    asked = waits(await roots[0].http.post(path, json={"confirm": doomed.ref.slug}))
    await killed(office, point, "approve", roots[1], asked["id"], tenant=None)
    assert (await read(roots[0], asked))["state"] == "pending"
    assert (await doomed.wallet(player))["total"] == 5
    await doomed.grant(player, 5)
    agreed = done(await decide(roots[1], asked))
    assert agreed["state"] == "executed"
    assert (Path(city.services.tenancy.archives) / agreed["answer"]["archive"]).exists()
    await doomed.http.aclose()
    tally["deletions of tenants killed"] += 1


async def test_the_journal_is_whole_and_the_proof_true_after_all_these_kills(
    office: Office,
) -> None:
    db, schema = office.city.services.db, office.studio.ref.schema
    verified = await verify_journal(db, schema, [CHAINED_TRANSFERS])
    assert verified.damage is None, verified.damage
    assert done(await office.studio.http.get("/v1/proof"))["ok"]
    waiting = "SELECT count(*) FROM approvals_request WHERE state IN ('pending', 'agreed')"
    held = "SELECT count(*) FROM ledger_hold WHERE state = 'open'"
    assert [row[0] for text in (waiting, held) for row in await office.studio.sql(text)] == [0, 0]
