"""A currency says how its coins are consumed, how many one may hold, and whether new ones come."""

from tests.studio import GEM, Studio, done, leg, refused


async def test_a_currency_is_created_once_and_read_back(studio: Studio) -> None:
    body = {"code": "GOLD", "name": "Gold", "order": ["bonus", "paid", "free"], "ceiling": 9}
    made = await studio.post("/v1/currencies", body)
    assert (made.status_code, made.json()) == (201, {**body, "active": True})
    assert done(await studio.http.get("/v1/currencies/GOLD")) == made.json()
    again = await studio.post("/v1/currencies", body)
    assert refused(again) == (409, "currency_exists")
    assert again.json()["field"] == "code"


async def test_a_replayed_creation_answers_the_same(studio: Studio) -> None:
    body = {"code": "GOLD", "name": "Gold"}
    first = await studio.post("/v1/currencies", body, "k")
    await studio.http.patch("/v1/currencies/GOLD", json={"name": "Silver"})
    assert (await studio.post("/v1/currencies", body, "k")).content == first.content
    other = await studio.post("/v1/currencies", {**body, "name": "Bronze"}, "k")
    assert refused(other) == (409, "key_reused")


async def test_currencies_are_listed_page_by_page(studio: Studio) -> None:
    for code in ("AA", "BB", "CC"):
        await studio.currency(code)
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = done(await studio.http.get("/v1/currencies", params={"limit": "2", **after}))
        seen += [one["code"] for one in page["items"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    assert seen == ["AA", "BB", "CC", GEM]


async def test_real_money_is_no_currency_of_a_game(studio: Studio) -> None:
    for code in ("EUR", "USD", "JPY"):
        answer = await studio.post("/v1/currencies", {"code": code, "name": "x"})
        assert refused(answer) == (422, "invalid_value")


async def test_bad_currencies_are_refused_with_the_field_named(studio: Studio) -> None:
    for field, value in (
        ("code", "gold"),
        ("code", "G"),
        ("code", "G" * 17),
        ("code", "GOLD\n"),
        ("name", ""),
        ("order", ["paid", "free"]),
        ("order", ["paid", "free", "free"]),
        ("order", ["paid", "free", "debt"]),
        ("ceiling", 0),
        ("ceiling", 2**53),
    ):
        body = {"code": "GOLD", "name": "Gold", field: value}
        answer = await studio.post("/v1/currencies", body)
        assert refused(answer)[0] == 422, answer.text
        assert answer.json()["field"].startswith(field)
    assert (await studio.http.get("/v1/currencies/GOLD")).status_code == 404


async def test_another_tenants_currency_is_unknown(studio: Studio, rival: Studio) -> None:
    await rival.currency("GOLD")
    assert refused(await studio.http.get("/v1/currencies/GOLD")) == (404, "not_found")
    patched = await studio.http.patch("/v1/currencies/GOLD", json={"active": False})
    assert refused(patched) == (404, "not_found")
    await studio.currency("GOLD", ceiling=5)
    assert done(await rival.http.get("/v1/currencies/GOLD"))["ceiling"] is None


async def test_an_inactive_currency_takes_no_new_coins_and_spends_old_ones(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 10)
    await studio.http.patch(f"/v1/currencies/{GEM}", json={"active": False})
    answer = await studio.move("grant", player, 1)
    assert refused(answer) == (422, "currency_inactive")
    posted = await studio.legs(leg("issue", (player, "free"), 1))
    assert refused(posted) == (422, "currency_inactive")
    spent = await studio.spend(player, 10)
    # What was spent may still be given back.
    done(await studio.post("/v1/reversals", {"transactionId": spent["transactionId"]}))
    assert await studio.buckets(player) == {"free": 10}


async def test_no_bucket_of_a_player_passes_the_ceiling(studio: Studio, player: str) -> None:
    await studio.http.patch(f"/v1/currencies/{GEM}", json={"ceiling": 100})
    await studio.grant(player, 60)
    answer = await studio.move("grant", player, 41)
    assert refused(answer) == (422, "ceiling_exceeded")
    assert (answer.json()["ceiling"], answer.json()["field"]) == (100, "amount")
    await studio.grant(player, 40)
    await studio.bonus(player, 100)
    answer = await studio.legs(leg("issue", (player, "bonus"), 1))
    assert refused(answer) == (422, "ceiling_exceeded")
    assert await studio.buckets(player) == {"free": 100, "bonus": 100}


async def test_a_ceiling_is_lifted_by_null_and_kept_when_left_out(
    studio: Studio, player: str
) -> None:
    path = f"/v1/currencies/{GEM}"
    done(await studio.http.patch(path, json={"ceiling": 5}))
    assert done(await studio.http.patch(path, json={"name": "Gems"}))["ceiling"] == 5
    assert done(await studio.http.patch(path, json={"ceiling": None}))["ceiling"] is None
    await studio.grant(player, 1000)
