"""A suspension or a closure that the policy names waits, and then holds everywhere at once."""

import pytest
from tests.approvals.office import Office, decide, waits
from tests.studio import done, refused


@pytest.mark.parametrize(
    ("verb", "state"), [("suspend", "suspended"), ("close", "closed")], ids=["suspend", "close"]
)
async def test_what_is_done_to_a_player_waits_for_a_second_person(
    office: Office, verb: str, state: str
) -> None:
    await office.policy({"verb": f"players.{verb}"})
    path = f"/v1/players/{office.player}"
    asked = waits(await office.olga.http.post(f"{path}/{verb}", json={"reason": "rude to Bob"}))
    assert asked["command"]["said"] == {"reason": "rude to Bob"}
    assert asked["command"]["playerId"] == office.player
    again = await office.olga.http.post(f"{path}/{verb}", json={"reason": "rude to Bob"})
    assert waits(again)["id"] == asked["id"]
    assert done(await office.olga.http.get(path))["state"] == "active"
    done(await decide(office.pavel, asked))
    assert done(await office.olga.http.get(path))["state"] == state
    assert refused(await office.grant(office.olga.http, 1))[1] == f"player_{state}"
    standing = done(await office.olga.http.get(f"{path}/standing"))
    assert (standing["reason"], standing["by"]) == ("rude to Bob", office.olga.id)


async def test_without_a_rule_for_it_a_player_is_suspended_at_once(office: Office) -> None:
    await office.policy({"verb": "players.close"})
    path = f"/v1/players/{office.player}/suspend"
    done(await office.olga.http.post(path, json={"reason": "rude to Bob"}))
    unknown = "/v1/players/player_01kag3pyqmf9aag12vtrsy70ps/close"
    assert refused(await office.olga.http.post(unknown)) == (404, "not_found")
