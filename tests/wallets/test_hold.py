"""A hold puts coins aside: they stay the player's, but nobody else can have them."""

from tests.studio import GEM, Studio, done, refused


async def test_held_coins_stay_in_the_balance_and_leave_what_is_available(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    answer = await studio.hold(player, 30)
    assert (answer["state"], answer["left"]) == ("open", 30)
    assert (answer["transaction"]["balance"], answer["transaction"]["available"]) == (50, 20)
    wallet = await studio.wallet(player)
    assert (wallet["total"], wallet["held"], wallet["available"]) == (50, 30, 20)


async def test_a_hold_reaches_over_buckets_and_captures_in_their_order(
    studio: Studio, player: str
) -> None:
    await studio.paid(player, 10)
    await studio.grant(player, 10)
    held = await studio.hold(player, 15)
    done(await studio.post(f"/v1/holds/{held['holdId']}/capture", {"amount": 12}))
    assert await studio.buckets(player) == {"paid": 8}
    wallet = await studio.wallet(player)
    assert (wallet["held"], wallet["available"]) == (3, 5)


async def test_more_than_is_available_cannot_be_held(studio: Studio, player: str) -> None:
    await studio.grant(player, 50)
    await studio.hold(player, 30)
    before = await studio.entries()
    answer = await studio.move("hold", player, 21, key="k")
    assert refused(answer) == (422, "insufficient_funds")
    assert (answer.json()["available"], answer.json()["field"]) == (20, "amount")
    assert await studio.entries() == before
    assert (await studio.hold(player, 20, key="k"))["left"] == 20


async def test_a_refused_hold_left_nothing_to_capture(studio: Studio, player: str) -> None:
    assert refused(await studio.move("hold", player, 5)) == (422, "insufficient_funds")
    assert await studio.sql("SELECT seq FROM ledger_hold") == []
    never = "hold_01m7yqwf9ke00800000000003v"
    for path in (f"/v1/holds/{never}/capture", f"/v1/holds/{never}/release"):
        assert refused(await studio.post(path, {} if "capture" in path else None)) == (
            404,
            "unknown_hold",
        )
    assert refused(await studio.http.get(f"/v1/holds/{never}")) == (404, "unknown_hold")


async def test_a_hold_is_read_as_it_stands(studio: Studio, player: str) -> None:
    await studio.grant(player, 9)
    held = await studio.hold(player, 9, expiresInSeconds=60)
    read = done(await studio.http.get(f"/v1/holds/{held['holdId']}"))
    assert {name: read[name] for name in ("amount", "left", "state", "playerId", "currency")} == {
        "amount": 9,
        "left": 9,
        "state": "open",
        "playerId": player,
        "currency": GEM,
    }


async def test_another_tenants_hold_does_not_exist_here(studio: Studio, rival: Studio) -> None:
    theirs = await rival.player()
    await rival.grant(theirs, 9)
    hold = (await rival.hold(theirs, 9))["holdId"]
    # The own journal has an entry at the same place.
    own = await studio.player()
    await studio.grant(own, 9)
    await studio.hold(own, 9)
    assert refused(await studio.http.get(f"/v1/holds/{hold}")) == (404, "unknown_hold")
    capture = await studio.post(f"/v1/holds/{hold}/capture", {})
    assert refused(capture) == (404, "unknown_hold")
    assert refused(await studio.post(f"/v1/holds/{hold}/release")) == (404, "unknown_hold")
    assert done(await rival.http.get(f"/v1/holds/{hold}"))["state"] == "open"


async def test_a_replayed_hold_holds_once(studio: Studio, player: str) -> None:
    await studio.grant(player, 30)
    first = await studio.move("hold", player, 10, key="k")
    done(await studio.post(f"/v1/holds/{first.json()['holdId']}/capture", {}))
    again = await studio.move("hold", player, 10, key="k")
    assert again.content == first.content
    assert (await studio.wallet(player))["held"] == 0
    assert refused(await studio.move("hold", player, 10, key="k", expiresInSeconds=5)) == (
        409,
        "key_reused",
    )


async def test_a_hold_lives_a_week_at_most(studio: Studio, player: str) -> None:
    await studio.grant(player, 30)
    for seconds in (0, -1, 7 * 24 * 3600 + 1):
        answer = await studio.move("hold", player, 1, expiresInSeconds=seconds)
        assert refused(answer) == (422, "out_of_range")
