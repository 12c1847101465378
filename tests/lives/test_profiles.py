"""Players change what is theirs to change; of age and another country they are said to be."""

import httpx
from tests.lives.people import register, sign_in
from tests.studio import City, Studio, done, refused


async def test_players_choose_their_language_and_name_a_country_once(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    player, body = await register(public, locale="en")
    token = done(await sign_in(public, body))["token"]
    async with city.client(token) as own:
        changed = done(await own.patch("/profile", json={"locale": "de", "country": "DE"}))
        assert (changed["locale"], changed["country"]) == ("de", "DE")
        assert changed["username"] == body["username"]
        other = await own.patch("/v1/profile", json={"country": "TR"})
        assert refused(other) == (409, "country_fixed")
        assert done(await own.patch("/v1/profile", json={"country": "DE"}))["country"] == "DE"
        shown = done(await own.get("/profile"))
        assert shown == changed
        assert (shown["locale"], shown["country"]) == ("de", "DE")
        nowhere = await own.patch("/v1/profile", json={"country": "XX"})
        assert (nowhere.status_code, nowhere.json()["field"]) == (422, "country")
        assert refused(await own.patch("/v1/profile", json={"ageConfirmation": None}))[0] in (
            400,
            422,
        )
    moved = await studio.http.patch(f"/v1/players/{player}", json={"country": "TR"})
    assert done(moved)["country"] == "TR"


async def test_a_machine_says_that_a_player_is_of_age_and_both_see_it(
    city: City, studio: Studio, player: str
) -> None:
    path = f"/v1/players/{player}"
    said = {"ageConfirmation": {"method": "document", "at": "2026-01-02T03:04:05Z"}}
    changed = done(await studio.http.patch(path, json=said))["ageConfirmation"]
    assert (changed["method"], changed["at"]) == ("document", "2026-01-02T03:04:05Z")
    assert changed["by"].startswith("app_")
    token = done(await studio.http.post(f"{path}/tokens"))["token"]
    async with city.client(token) as own:
        assert done(await own.get(f"{path}/profile"))["ageConfirmation"] == changed
    later = {"ageConfirmation": {"method": "document", "at": "2999-01-01T00:00:00Z"}}
    assert refused(await studio.http.patch(path, json=later)) == (422, "out_of_range")
    none = done(await studio.http.patch(path, json={"ageConfirmation": None}))
    assert none["ageConfirmation"] is None
