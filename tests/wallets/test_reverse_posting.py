"""A reversal undoes a raw posting by the opposite legs, never above the original in sum."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.studio import GEM, Studio, done, leg, outcomes, refused


async def posted(studio: Studio, *legs: dict[str, Any]) -> str:
    """Post the legs and return the transaction's id."""
    return str(done(await studio.legs(*legs))["transactionId"])


async def reverse(
    studio: Studio, transaction: str, amount: int | None = None, key: str | None = None, **more: Any
) -> httpx.Response:
    body: dict[str, Any] = {"transactionId": transaction, **more}
    if amount is not None:
        body["amount"] = amount
    return await studio.post("/v1/reversals", body, key)


async def house_has(studio: Studio, account: str) -> int:
    """Return the balance of an account of the house."""
    rows = await studio.sql(
        "SELECT (SELECT coalesce(sum(amount), 0) FROM ledger_transfer WHERE credit = account.id)"
        " - (SELECT coalesce(sum(amount), 0) FROM ledger_transfer WHERE debit = account.id)"
        " FROM ledger_account AS account WHERE owner = 'house' AND asset = $1 AND bucket = $2",
        GEM,
        account,
    )
    return int(rows[0][0])


async def proves(studio: Studio) -> bool:
    proof = done(await studio.http.get("/v1/proof"))
    return bool(proof["ok"])


async def test_coins_that_a_player_paid_come_back_as_the_coins_they_were(
    studio: Studio, player: str
) -> None:
    await studio.paid(player, 10)
    transaction = await posted(studio, leg((player, "paid"), "pool", 4))
    answer = done(await reverse(studio, transaction))
    pool = {"playerId": None, "bucket": None, "house": "pool"}
    paid = {"playerId": player, "bucket": "paid", "house": None}
    assert answer["transfers"] == [
        {"from": pool, "to": paid, "currency": GEM, "amount": 4, "fromBalance": 0, "toBalance": 10}
    ]
    assert await studio.buckets(player) == {"paid": 10}
    explained = done(await studio.http.get(f"/v1/transactions/{answer['transactionId']}"))
    assert explained["kind"] == "ledger.reversed"
    assert await proves(studio)


async def test_coins_that_a_player_got_are_taken_from_that_lot_alone(
    studio: Studio, player: str
) -> None:
    transaction = await posted(studio, leg("issue", (player, "free"), 20))
    await studio.grant(player, 50)
    await studio.spend(player, 15)
    answer = await reverse(studio, transaction)
    assert refused(answer) == (422, "exceeds_original")
    assert answer.json()["available"] == 5
    done(await reverse(studio, transaction, 5))
    assert refused(await reverse(studio, transaction, 1)) == (422, "exceeds_original")
    assert await studio.buckets(player) == {"free": 50}


async def test_coins_go_back_between_accounts_of_the_house(studio: Studio) -> None:
    transaction = await posted(studio, leg("issue", "pool", 100))
    done(await reverse(studio, transaction, 60))
    assert await house_has(studio, "pool") == 40
    answer = await reverse(studio, transaction, 41)
    assert refused(answer) == (422, "exceeds_original")
    assert answer.json()["left"] == 40
    done(await reverse(studio, transaction))
    assert refused(await reverse(studio, transaction)) == (422, "exceeds_original")
    assert (await house_has(studio, "pool"), await house_has(studio, "issue")) == (0, 0)
    assert await proves(studio)


async def test_a_reversal_undoes_every_leg_and_only_once(studio: Studio, player: str) -> None:
    other = await studio.player()
    await studio.grant(player, 50)
    transaction = await posted(
        studio,
        leg((player, "free"), "pool", 30),
        leg("pool", (other, "bonus"), 20),
        leg("pool", "sales", 10),
    )
    answer = done(await reverse(studio, transaction))
    assert [one["amount"] for one in answer["transfers"]] == [10, 20, 30]
    assert await studio.buckets(player) == {"free": 50}
    assert await studio.buckets(other) == {}
    assert (await house_has(studio, "pool"), await house_has(studio, "sales")) == (0, 0)
    assert refused(await reverse(studio, transaction)) == (422, "exceeds_original")


async def test_parts_of_several_legs_are_undone_and_never_more_than_was_posted(
    studio: Studio, player: str
) -> None:
    other = await studio.player()
    transaction = await posted(
        studio, leg("issue", (player, "free"), 5), leg("issue", (other, "bonus"), 7)
    )
    part = [{"leg": 1, "amount": 3}]
    answer = done(await reverse(studio, transaction, legs=part, key="part-1"))
    assert [one["amount"] for one in answer["transfers"]] == [3]
    assert done(await reverse(studio, transaction, legs=part, key="part-1")) == answer
    assert await studio.buckets(other) == {"bonus": 4}
    assert await studio.buckets(player) == {"free": 5}
    too_much = await reverse(
        studio, transaction, legs=[{"leg": 0, "amount": 5}, {"leg": 1, "amount": 5}]
    )
    assert refused(too_much) == (422, "exceeds_original")
    assert (too_much.json()["field"], too_much.json()["left"]) == ("legs", 4)
    assert await studio.buckets(player) == {"free": 5}
    done(await reverse(studio, transaction))
    assert (await studio.buckets(player), await studio.buckets(other)) == ({}, {})
    assert refused(await reverse(studio, transaction, legs=part)) == (422, "exceeds_original")
    assert await proves(studio)


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"legs": [{"leg": 2, "amount": 1}]}, "unknown_leg", "legs"),
        ({"legs": [{"leg": 0, "amount": 1}, {"leg": 0, "amount": 1}]}, "invalid_value", "legs"),
        ({"legs": [{"leg": 0, "amount": 1}], "amount": 1}, "invalid_value", "amount"),
        ({"legs": []}, "out_of_range", "legs"),
        ({"legs": [{"leg": 0, "amount": 0}]}, "amount_not_positive", "legs.0.amount"),
    ],
)
async def test_legs_that_make_no_sense_are_refused(
    studio: Studio, player: str, more: dict[str, Any], code: str, field: str
) -> None:
    transaction = await posted(
        studio, leg("issue", (player, "free"), 5), leg("issue", (player, "bonus"), 5)
    )
    answer = await reverse(studio, transaction, **more)
    assert (refused(answer)[1], answer.json()["field"]) == (code, field)
    assert await studio.buckets(player) == {"free": 5, "bonus": 5}


async def test_a_grant_is_not_undone_by_legs(studio: Studio, player: str) -> None:
    granted = (await studio.grant(player, 5))["transactionId"]
    answer = await reverse(studio, granted, legs=[{"leg": 0, "amount": 1}])
    assert (refused(answer), answer.json()["field"]) == ((422, "invalid_value"), "legs")


async def test_an_amount_of_several_legs_is_refused(studio: Studio, player: str) -> None:
    transaction = await posted(
        studio, leg("issue", (player, "free"), 5), leg("issue", (player, "bonus"), 5)
    )
    answer = await reverse(studio, transaction, 10)
    assert refused(answer) == (422, "partial_needs_one_leg")
    assert answer.json()["field"] == "amount"
    assert await studio.buckets(player) == {"free": 5, "bonus": 5}


async def test_one_spent_coin_keeps_the_whole_posting_as_it_is(studio: Studio, player: str) -> None:
    other = await studio.player()
    transaction = await posted(
        studio, leg("issue", (player, "free"), 5), leg("issue", (other, "free"), 5)
    )
    await studio.spend(player, 1)
    assert refused(await reverse(studio, transaction)) == (422, "exceeds_original")
    assert await studio.buckets(other) == {"free": 5}


async def test_coins_that_passed_through_a_wallet_go_back_the_whole_way(
    studio: Studio, player: str
) -> None:
    transaction = await posted(
        studio, leg("issue", (player, "free"), 30), leg((player, "free"), "pool", 10)
    )
    done(await reverse(studio, transaction))
    assert await studio.buckets(player) == {}
    assert (await house_has(studio, "pool"), await house_has(studio, "issue")) == (0, 0)


@pytest.mark.parametrize("way", ["in", "out", "house"])
async def test_parts_add_up_to_the_posting_also_in_one_batch(
    studio: Studio, player: str, way: str
) -> None:
    await studio.grant(player, 40)
    one = {
        "in": leg("issue", (player, "free"), 30),
        "out": leg((player, "free"), "pool", 30),
        "house": leg("issue", "pool", 30),
    }[way]
    for mode, expected in (
        ("all", [("refused", "batch_refused"), ("refused", "exceeds_original")]),
        ("each", [("done", None), ("refused", "exceeds_original")]),
    ):
        transaction = await posted(studio, one)
        operations = [
            {"verb": "reverse", "key": f"{mode}{n}", "transactionId": transaction, "amount": 20}
            for n in range(2)
        ]
        body = {"mode": mode, "operations": operations}
        answer = await studio.post("/v1/operations:batch", body)
        assert outcomes(answer) == expected
        done(await reverse(studio, transaction, 10 if mode == "each" else 30))
        assert refused(await reverse(studio, transaction, 1)) == (422, "exceeds_original")
    assert done(answer)["outcomes"][0]["posting"]["transfers"][0]["amount"] == 20
    assert await studio.buckets(player) == {"free": 40}


async def test_reversals_at_once_never_pass_the_posting(studio: Studio, player: str) -> None:
    transaction = await posted(studio, leg("issue", (player, "free"), 30))
    answers = await asyncio.gather(*(reverse(studio, transaction, 12) for _ in range(6)))
    assert sum(one.status_code == 201 for one in answers) == 2
    assert await studio.buckets(player) == {"free": 6}


async def test_a_debt_is_paid_by_what_comes_back(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    transaction = await posted(studio, leg((player, "free"), "pool", 10))
    await studio.owe(player, 4)
    answer = done(await reverse(studio, transaction))
    assert [one["to"]["bucket"] for one in answer["transfers"]] == ["free", "debt"]
    assert await studio.buckets(player) == {"free": 6}


async def test_a_debt_that_the_posting_paid_stays_paid(studio: Studio, player: str) -> None:
    await studio.owe(player, 4)
    transaction = await posted(studio, leg("issue", (player, "bonus"), 10))
    assert refused(await reverse(studio, transaction)) == (422, "exceeds_original")
    done(await reverse(studio, transaction, 6))
    assert await studio.buckets(player) == {}


async def test_a_freeze_stops_neither_way_and_held_coins_stay(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    out = await posted(studio, leg((player, "free"), "pool", 10))
    back = await posted(studio, leg("issue", (player, "bonus"), 10))
    await studio.hold(player, 3)
    freeze = {"currency": GEM, "reason": "under review"}
    done(await studio.post(f"/v1/players/{player}/freeze", freeze))
    done(await reverse(studio, out))
    assert refused(await reverse(studio, back)) == (422, "exceeds_original")
    done(await reverse(studio, back, 7))
    assert await studio.buckets(player) == {"free": 10, "bonus": 3}


async def test_a_replay_gives_the_same_bytes_also_after_later_changes(
    studio: Studio, player: str
) -> None:
    transaction = await posted(studio, leg("issue", (player, "free"), 7))
    first = await reverse(studio, transaction, 3, key="k")
    await studio.grant(player, 5)
    again = await reverse(studio, transaction, 3, key="k")
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert refused(await reverse(studio, transaction, 4, key="k")) == (409, "key_reused")
    assert await studio.buckets(player) == {"free": 9}


async def test_a_reversed_posting_stands(studio: Studio, player: str) -> None:
    transaction = await posted(studio, leg("issue", (player, "free"), 7))
    back = done(await reverse(studio, transaction, 3))["transactionId"]
    assert refused(await reverse(studio, back)) == (422, "not_reversible")


async def test_a_reason_is_sealed_under_a_player_of_the_posting(
    studio: Studio, player: str
) -> None:
    other = await studio.player()
    transaction = await posted(studio, leg("issue", (player, "free"), 7))
    within = await posted(studio, leg("issue", "pool", 7))
    for one, whose in ((transaction, other), (within, player)):
        answer = await reverse(studio, one, reason="bug 7", playerId=whose)
        assert refused(answer) == (422, "invalid_value")
        assert answer.json()["field"] == "playerId"
    made = done(await reverse(studio, transaction, reason="bug 7", playerId=player))
    explained = done(await studio.http.get(f"/v1/transactions/{made['transactionId']}"))
    assert len(explained["data"]["payload"]) >= 32


async def test_what_moved_no_coins_is_not_reversed(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    freeze = {"currency": GEM, "reason": "under review"}
    made = [
        (await studio.hold(player, 3))["transaction"],
        done(await studio.post(f"/v1/players/{player}/freeze", freeze)),
    ]
    for one in made:
        answer = await reverse(studio, one["transactionId"])
        assert refused(answer) == (422, "not_reversible")


async def test_another_tenants_posting_does_not_exist_here(studio: Studio, rival: Studio) -> None:
    theirs = await posted(rival, leg("issue", "pool", 7))
    await posted(studio, leg("issue", "pool", 7))
    assert refused(await reverse(studio, theirs)) == (404, "unknown_transaction")
