"""A worker is killed between its hook's yes and the commit, or right after: it happened, or not."""

from collections.abc import AsyncIterator

import pytest
from tests.approvals.office import Office, ask, open_office
from tests.faults.test_four_eyes import killed
from tests.studio import GEM, done, open_city, refused

from guildbank.infra.postgres import Cluster

CHECKS = "SELECT count(*) FROM wallets_check WHERE player = $1"
RULES = [
    {"name": "note", "when": "true", "then": {"note": {"seen": "yes"}}},
    {"name": "large", "when": "move.amount_minor > 30",
     "then": {"veto": {"code": "too_large", "detail": "Spend less at once."}}},
]  # fmt: skip


@pytest.fixture(scope="module")
async def office(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Office]:
    """A studio with a rule on spends."""
    url = cluster.create_database("test_faults_hooks")
    async with (
        open_city(url, tmp_path_factory.mktemp("hooks")) as city,
        open_office(city) as office,
    ):
        steps = [{"id": "small", "plugin": "rule", "settings": {"rules": RULES}}]
        stages = {"stages": {"before": steps}}
        done(await office.studio.http.post("/v1/pipelines/spend/revisions", json=stages))
        done(await office.studio.http.post("/v1/pipelines/spend/publish", json={"revision": 1}))
        yield office


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
async def test_whoever_comes_again_spends_once_and_what_was_noted_is_there_once(
    office: Office, point: str
) -> None:
    player, key = await office.studio.player(), f"killed-{point}"
    await office.studio.grant(player, 100)
    await killed(office, point, "ask", office.olga, player, key=key)
    kept = (await office.studio.sql(CHECKS, player))[0][0]
    spent = 100 - (await office.studio.wallet(player))["total"]
    assert (spent, kept) in ((0, 0), (30, 1)), "coins without what was noted, or the other way"
    body = {"playerId": player, "currency": GEM, "amount": 30}
    assert done(await ask(office.olga.http, "/v1/spends", body, key))["balance"] == 70
    assert (await office.studio.sql(CHECKS, player))[0][0] == 1
    larger = await ask(office.olga.http, "/v1/spends", {**body, "amount": 31}, f"{key}-more")
    assert refused(larger) == (403, "operation_vetoed")
    assert (await office.studio.wallet(player))["total"] == 70
