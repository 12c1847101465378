"""An erasure that the policy names waits, and is done once a second person agrees."""

from tests.approvals.office import Office, ask, decide, waits
from tests.studio import GEM, done, refused

RULE = {"verb": "players.erase"}


async def test_nobody_erases_a_person_alone(office: Office) -> None:
    await office.policy(RULE)
    path = f"/v1/players/{office.player}"
    asked = waits(await office.olga.http.post(f"{path}/erase"))
    assert asked["command"] == {"playerId": office.player, "waitDays": 0}
    assert waits(await office.olga.http.post(f"{path}/erase"))["id"] == asked["id"]
    assert refused(await decide(office.olga, asked)) == (403, "own_request")
    assert done(await office.olga.http.get(path))["state"] == "active"
    agreed = done(await decide(office.pavel, asked))
    assert (agreed["state"], agreed["answer"]["playerId"]) == ("executed", office.player)
    assert done(await office.olga.http.get(path))["state"] == "erased"
    (erased,) = done(await office.olga.http.get("/v1/erasures"))["items"]
    assert erased["playerId"] == office.player
    assert await office.kinds("%eras%") == ["identity.erasure_requested", "identity.player_erased"]


async def test_an_erasure_with_days_to_wait_waits_them_after_the_agreement(office: Office) -> None:
    await office.policy(RULE)
    path = f"/v1/players/{office.player}"
    asked = waits(await office.olga.http.post(f"{path}/erase", json={"waitDays": 3}))
    done(await decide(office.pavel, asked))
    assert done(await office.olga.http.get(path))["state"] == "active"
    assert (await office.olga.http.delete(f"{path}/erase")).status_code == 204


async def test_an_erasure_that_something_stands_against_is_refused_when_asked_and_when_agreed(
    office: Office,
) -> None:
    await office.policy(RULE)
    path = f"/v1/players/{office.player}"
    asked = waits(await office.olga.http.post(f"{path}/erase"))
    hold = done(await office.olga.http.post(f"{path}/legal-holds", json={"reason": "court"}))
    assert refused(await decide(office.pavel, asked)) == (409, "erasure_held")
    again = await office.olga.http.post(f"{path}/erase", json={"waitDays": 1})
    assert refused(again) == (409, "erasure_held")
    assert done(await office.olga.http.get(path))["state"] == "active"
    lifted = await office.olga.http.delete(f"{path}/legal-holds/{hold['id']}")
    assert lifted.status_code == 204
    done(await decide(office.pavel, asked))
    assert done(await office.olga.http.get(path))["state"] == "erased"


async def test_coins_put_aside_for_another_request_keep_a_person_from_being_erased(
    office: Office,
) -> None:
    await office.studio.grant(office.player, 100)
    await office.policy(RULE, {"verb": "wallets.spend"})
    body = {"playerId": office.player, "currency": GEM, "amount": 30}
    spend = waits(await ask(office.olga.http, "/v1/spends", body))
    path = f"/v1/players/{office.player}/erase"
    assert refused(await office.olga.http.post(path)) == (409, "erasure_held")
    done(await decide(office.olga, spend, "cancel"))
    waits(await office.olga.http.post(path))


async def test_a_game_server_waits_like_everybody(office: Office) -> None:
    await office.policy(RULE)
    path = f"/v1/players/{office.player}"
    asked = waits(await office.studio.http.post(f"{path}/erase"))
    done(await decide(office.pavel, asked))
    assert done(await office.olga.http.get(path))["state"] == "erased"


async def test_a_request_with_words_answers_the_same_after_its_person_is_erased(
    office: Office,
) -> None:
    await office.policy({"verb": "wallets.grant"})
    said = {"metadata": {"note": "sorry, Bob"}}
    asked = waits(await office.grant(office.olga.http, 50, key="for-bob", **said))
    done(await office.olga.http.post(f"/v1/players/{office.player}/erase"))
    again = waits(await office.grant(office.olga.http, 50, key="for-bob", **said))
    assert (again["id"], again["command"]["said"]) == (asked["id"], None)
    other = await office.grant(office.olga.http, 51, key="for-bob", **said)
    assert refused(other) == (409, "key_reused")
