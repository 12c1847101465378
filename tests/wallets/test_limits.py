"""A limit bounds what a player spends a day: spends, holds and raw postings alike."""

import asyncio
from typing import Any

from tests.studio import Studio, done, leg, refused

from guildbank.wallets.jobs import expire_holds


async def limit(studio: Studio, player: str, per_day: int | None) -> dict[str, Any]:
    answer = await studio.http.put(
        f"/v1/players/{player}/limits", json={"currency": "GEM", "perDay": per_day}
    )
    return done(answer)


async def test_spends_of_a_day_add_up_to_the_limit(studio: Studio, player: str) -> None:
    await studio.grant(player, 500)
    assert (await limit(studio, player, 100))["perDay"] == 100
    await studio.spend(player, 60)
    answer = await studio.move("spend", player, 41, key="k")
    assert refused(answer) == (422, "limit_exceeded")
    assert (answer.json()["limit"], answer.json()["left"]) == (100, 40)
    await studio.spend(player, 40, key="k")
    assert refused(await studio.move("spend", player, 1)) == (422, "limit_exceeded")
    assert await studio.buckets(player) == {"free": 400}


async def test_holds_count_when_they_are_placed_and_not_again_when_captured(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 500)
    await limit(studio, player, 100)
    hold = (await studio.hold(player, 70))["holdId"]
    assert refused(await studio.move("spend", player, 31)) == (422, "limit_exceeded")
    assert refused(await studio.move("hold", player, 31)) == (422, "limit_exceeded")
    done(await studio.post(f"/v1/holds/{hold}/capture", {"amount": 50}))
    await studio.spend(player, 30)
    assert refused(await studio.move("spend", player, 1)) == (422, "limit_exceeded")


async def test_a_released_hold_gives_its_part_of_the_limit_back(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 500)
    await limit(studio, player, 100)
    hold = (await studio.hold(player, 100))["holdId"]
    done(await studio.post(f"/v1/holds/{hold}/capture", {"amount": 30}))
    assert refused(await studio.move("spend", player, 1)) == (422, "limit_exceeded")
    done(await studio.post(f"/v1/holds/{hold}/release"))
    assert refused(await studio.move("spend", player, 71)) == (422, "limit_exceeded")
    await studio.spend(player, 70)


async def test_an_expired_hold_gives_its_part_of_the_limit_back(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 500)
    await limit(studio, player, 100)
    await studio.hold(player, 100, expiresInSeconds=1)
    await asyncio.sleep(1.1)
    await expire_holds(studio.city.services.wallets, studio.ref)
    await studio.spend(player, 100)


async def test_a_new_limit_counts_what_was_spent_and_held_today_already(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 500)
    await studio.spend(player, 20)
    done(await studio.legs(leg((player, "free"), "tournament-pool", 10)))
    hold = (await studio.hold(player, 30))["holdId"]
    await limit(studio, player, 100)
    answer = await studio.move("spend", player, 41)
    assert refused(answer) == (422, "limit_exceeded")
    assert answer.json()["left"] == 40
    done(await studio.post(f"/v1/holds/{hold}/release"))
    await studio.spend(player, 70)


async def test_raw_postings_count_and_are_bound(studio: Studio, player: str) -> None:
    await studio.grant(player, 500)
    await limit(studio, player, 100)
    half = leg((player, "free"), "pool", 50)
    assert refused(await studio.legs(half, half, half)) == (422, "limit_exceeded")
    done(await studio.legs(half, half))
    assert refused(await studio.move("spend", player, 1)) == (422, "limit_exceeded")
    assert await studio.buckets(player) == {"free": 400}


async def test_spends_at_once_never_pass_the_limit(studio: Studio, player: str) -> None:
    await studio.grant(player, 500)
    await limit(studio, player, 50)
    verbs = ["spend", "hold"] * 10
    answers = await asyncio.gather(*(studio.move(verb, player, 10) for verb in verbs))
    assert sum(answer.status_code == 201 for answer in answers) == 5


async def test_a_lifted_limit_binds_nobody(studio: Studio, player: str) -> None:
    await studio.grant(player, 500)
    await limit(studio, player, 10)
    assert (await limit(studio, player, None))["perDay"] is None
    await studio.spend(player, 400)


async def test_a_limit_is_one_players(studio: Studio, rival: Studio, player: str) -> None:
    other, theirs = await studio.player(), await rival.player()
    await limit(studio, player, 1)
    await studio.grant(other, 50)
    await studio.spend(other, 50)
    answer = await studio.http.put(
        f"/v1/players/{theirs}/limits", json={"currency": "GEM", "perDay": 1}
    )
    assert refused(answer) == (404, "unknown_account")


async def test_credits_and_claw_backs_are_no_spending(studio: Studio, player: str) -> None:
    await studio.paid(player, 50)
    granted = await studio.grant(player, 50)
    await limit(studio, player, 10)
    reversal = {"transactionId": granted["transactionId"]}
    done(await studio.post("/v1/reversals", reversal))
    await studio.owe(player, 5)
    await studio.grant(player, 5)
    await limit(studio, player, 10)
    await studio.spend(player, 10)
    assert refused(await studio.move("spend", player, 1)) == (422, "limit_exceeded")


async def test_a_limit_counts_no_reversal_whenever_it_is_set(studio: Studio, player: str) -> None:
    posted = done(await studio.legs(leg("pool", (player, "free"), 50)))
    done(await studio.post("/v1/reversals", {"transactionId": posted["transactionId"]}))
    await studio.grant(player, 200)
    await limit(studio, player, 100)
    assert refused(await studio.move("spend", player, 101)) == (422, "limit_exceeded")
    await studio.spend(player, 100)
