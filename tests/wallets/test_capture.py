"""A capture spends a hold, in parts if need be, and never above it."""

import asyncio

import httpx
from tests.studio import Studio, done, refused


async def held(studio: Studio, player: str, amount: int) -> str:
    await studio.grant(player, amount)
    return str((await studio.hold(player, amount))["holdId"])


async def capture(
    studio: Studio, hold: str, amount: int | None = None, key: str | None = None
) -> httpx.Response:
    body = {} if amount is None else {"amount": amount}
    return await studio.post(f"/v1/holds/{hold}/capture", body, key)


async def test_a_capture_without_an_amount_takes_all(studio: Studio, player: str) -> None:
    hold = await held(studio, player, 10)
    answer = done(await capture(studio, hold))
    assert (answer["state"], answer["left"], answer["transaction"]["amount"]) == ("captured", 0, 10)
    assert await studio.buckets(player) == {}


async def test_parts_add_up_to_the_hold_and_no_further(studio: Studio, player: str) -> None:
    hold = await held(studio, player, 10)
    assert done(await capture(studio, hold, 3))["left"] == 7
    assert done(await capture(studio, hold, 6))["left"] == 1
    answer = await capture(studio, hold, 2)
    assert refused(answer) == (422, "exceeds_hold")
    assert answer.json()["left"] == 1
    last = done(await capture(studio, hold, 1))
    assert (last["state"], last["left"]) == ("captured", 0)
    assert refused(await capture(studio, hold, 1)) == (422, "hold_closed")
    assert await studio.buckets(player) == {}


async def test_more_than_the_hold_takes_nothing(studio: Studio, player: str) -> None:
    hold = await held(studio, player, 10)
    await studio.grant(player, 90)
    assert refused(await capture(studio, hold, 11, key="k")) == (422, "exceeds_hold")
    assert await studio.buckets(player) == {"free": 100}
    done(await capture(studio, hold, 10, key="k"))


async def test_captures_at_once_never_pass_the_hold(studio: Studio, player: str) -> None:
    hold = await held(studio, player, 10)
    await studio.grant(player, 100)
    answers = await asyncio.gather(*(capture(studio, hold, 3) for _ in range(8)))
    assert sum(one.status_code == 201 for one in answers) == 3
    assert await studio.buckets(player) == {"free": 101}


async def test_a_replayed_capture_takes_once(studio: Studio, player: str) -> None:
    hold = await held(studio, player, 10)
    first = await capture(studio, hold, 4, key="k")
    await capture(studio, hold, 5)
    again = await capture(studio, hold, 4, key="k")
    assert again.content == first.content
    assert refused(await capture(studio, hold, 5, key="k")) == (409, "key_reused")
    assert await studio.buckets(player) == {"free": 1}


async def test_a_capture_may_leave_part_to_be_released(studio: Studio, player: str) -> None:
    hold = await held(studio, player, 10)
    await capture(studio, hold, 4)
    done(await studio.post(f"/v1/holds/{hold}/release"))
    assert refused(await capture(studio, hold, 1)) == (422, "hold_closed")
    wallet = await studio.wallet(player)
    assert (wallet["total"], wallet["held"], wallet["available"]) == (6, 0, 6)


async def test_a_frozen_wallet_pays_no_hold(studio: Studio, player: str) -> None:
    hold = await held(studio, player, 10)
    freeze = {"currency": "GEM", "reason": "under review"}
    done(await studio.post(f"/v1/players/{player}/freeze", freeze))
    assert refused(await capture(studio, hold)) == (422, "account_frozen")
    done(await studio.post(f"/v1/players/{player}/unfreeze", freeze))
    done(await capture(studio, hold))
