"""A spend takes coins in the currency's order, all of the amount or nothing of it."""

import asyncio

from tests.studio import GEM, Studio, refused


async def filled(studio: Studio) -> str:
    player = await studio.player()
    await studio.paid(player, 10)
    await studio.grant(player, 20)
    await studio.bonus(player, 30)
    return player


async def test_buckets_are_consumed_in_the_currencys_order(studio: Studio) -> None:
    player = await filled(studio)
    answer = await studio.spend(player, 55)
    assert [(one["bucket"], one["amount"]) for one in answer["buckets"]] == [
        ("free", 20),
        ("bonus", 30),
        ("paid", 5),
    ]
    assert (answer["balance"], answer["available"]) == (5, 5)
    assert await studio.buckets(player) == {"paid": 5}


async def test_a_changed_order_holds_from_the_next_spend(studio: Studio) -> None:
    player = await filled(studio)
    changed = await studio.http.patch(
        f"/v1/currencies/{GEM}", json={"order": ["paid", "bonus", "free"]}
    )
    assert changed.status_code == 200
    answer = await studio.spend(player, 11)
    assert [(one["bucket"], one["amount"]) for one in answer["buckets"]] == [
        ("paid", 10),
        ("bonus", 1),
    ]


async def test_too_little_is_refused_with_what_there_is(studio: Studio) -> None:
    player = await filled(studio)
    answer = await studio.move("spend", player, 61)
    assert refused(answer) == (422, "insufficient_funds")
    assert answer.json()["available"] == 60
    assert answer.json()["field"] == "amount"
    assert await studio.buckets(player) == {"paid": 10, "free": 20, "bonus": 30}
    await studio.spend(player, 60)
    assert await studio.buckets(player) == {}


async def test_held_coins_are_not_there_to_be_spent(studio: Studio) -> None:
    player = await filled(studio)
    await studio.hold(player, 25)
    answer = await studio.move("spend", player, 36)
    assert refused(answer) == (422, "insufficient_funds")
    assert answer.json()["available"] == 35
    await studio.spend(player, 35)


async def test_a_refusal_stores_nothing_and_leaves_the_key_free(
    studio: Studio, player: str
) -> None:
    before = await studio.entries()
    assert refused(await studio.move("spend", player, 5, key="k")) == (422, "insufficient_funds")
    assert await studio.entries() == before
    await studio.grant(player, 50)
    assert (await studio.spend(player, 6, key="k"))["balance"] == 44


async def test_a_replay_gives_the_same_bytes_also_when_the_coins_are_gone(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 10)
    first = await studio.move("spend", player, 10, key="k")
    again = await studio.move("spend", player, 10, key="k")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert refused(await studio.move("spend", player, 9, key="k")) == (409, "key_reused")


async def test_one_key_sent_fifty_times_at_once_spends_once(studio: Studio, player: str) -> None:
    await studio.grant(player, 100)
    answers = await asyncio.gather(
        *(studio.move("spend", player, 10, key="storm") for _ in range(50))
    )
    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].status_code == 201
    assert await studio.buckets(player) == {"free": 90}


async def test_spends_at_once_never_take_more_than_there_is(studio: Studio, player: str) -> None:
    await studio.grant(player, 70)
    answers = await asyncio.gather(*(studio.move("spend", player, 10) for _ in range(20)))
    assert sum(answer.status_code == 201 for answer in answers) == 7
    assert {refused(one) for one in answers if one.status_code != 201} == {
        (422, "insufficient_funds")
    }
    assert await studio.buckets(player) == {}


async def test_another_tenants_player_cannot_be_spent_from(studio: Studio, rival: Studio) -> None:
    theirs = await rival.player()
    await rival.grant(theirs, 10)
    assert refused(await studio.move("spend", theirs, 1)) == (404, "unknown_account")
    assert await rival.buckets(theirs) == {"free": 10}


async def test_debt_blocks_spends_and_holds_until_credits_have_paid_it(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 10)
    await studio.owe(player, 25)
    for verb in ("spend", "hold"):
        answer = await studio.move(verb, player, 1)
        assert refused(answer) == (422, "debt_outstanding")
        assert answer.json()["debt"] == 25
    granted = await studio.grant(player, 5)
    assert (granted["debt"], granted["balance"]) == (20, 10)
    await studio.bonus(player, 15)
    assert await studio.buckets(player) == {"free": 10, "debt": 5}
    assert refused(await studio.move("spend", player, 1)) == (422, "debt_outstanding")
    assert (await studio.grant(player, 8))["debt"] == 0
    assert await studio.buckets(player) == {"free": 13}
    await studio.spend(player, 13)
