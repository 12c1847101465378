"""A reversal undoes a spend, a capture or a grant by new postings, never above the original."""

import asyncio
from typing import Any

import httpx
from tests.studio import Studio, done, outcomes, refused


async def reverse(
    studio: Studio, transaction: str, amount: int | None = None, key: str | None = None, **more: Any
) -> httpx.Response:
    body: dict[str, Any] = {"transactionId": transaction, **more}
    if amount is not None:
        body["amount"] = amount
    return await studio.post("/v1/reversals", body, key)


async def spent(studio: Studio, player: str) -> str:
    """Spend 30 coins: 20 free, then 10 of 15 paid."""
    await studio.grant(player, 20)
    await studio.paid(player, 15)
    return str((await studio.spend(player, 30))["transactionId"])


async def test_a_reversed_spend_gives_the_same_buckets_back(studio: Studio, player: str) -> None:
    transaction = await spent(studio, player)
    answer = done(await reverse(studio, transaction))
    assert (answer["amount"], answer["balance"]) == (30, 35)
    assert await studio.buckets(player) == {"free": 20, "paid": 15}


async def test_parts_add_up_to_the_original_and_no_further(studio: Studio, player: str) -> None:
    transaction = await spent(studio, player)
    done(await reverse(studio, transaction, 25))
    assert await studio.buckets(player) == {"free": 20, "paid": 10}
    answer = await reverse(studio, transaction, 6)
    assert refused(answer) == (422, "exceeds_original")
    assert answer.json()["left"] == 5
    done(await reverse(studio, transaction))
    assert refused(await reverse(studio, transaction)) == (422, "exceeds_original")
    assert await studio.buckets(player) == {"free": 20, "paid": 15}


async def test_two_reversals_in_one_batch_share_the_original(studio: Studio, player: str) -> None:
    for mode, expected in (
        ("each", [("done", None), ("refused", "exceeds_original")]),
        ("all", [("refused", "batch_refused"), ("refused", "exceeds_original")]),
    ):
        someone = await studio.player()
        transaction = await spent(studio, someone)
        operations = [
            {"verb": "reverse", "key": f"{mode}{n}", "transactionId": transaction, "amount": 20}
            for n in range(2)
        ]
        body = {"mode": mode, "operations": operations}
        assert outcomes(await studio.post("/v1/operations:batch", body)) == expected
        left = {"free": 20, "paid": 5} if mode == "each" else {"paid": 5}
        assert await studio.buckets(someone) == left


async def test_reversals_at_once_never_pass_the_original(studio: Studio, player: str) -> None:
    transaction = await spent(studio, player)
    answers = await asyncio.gather(*(reverse(studio, transaction, 12) for _ in range(6)))
    assert sum(one.status_code == 201 for one in answers) == 2
    assert (await studio.wallet(player))["total"] == 29


async def test_a_reversed_grant_takes_only_what_is_unspent(studio: Studio, player: str) -> None:
    transaction = (await studio.grant(player, 20))["transactionId"]
    await studio.spend(player, 15)
    answer = await reverse(studio, transaction)
    assert refused(answer) == (422, "exceeds_original")
    assert answer.json()["available"] == 5
    done(await reverse(studio, transaction, 5))
    assert await studio.buckets(player) == {}


async def test_a_reversed_grant_takes_no_other_grants_coins(studio: Studio, player: str) -> None:
    transaction = (await studio.grant(player, 20))["transactionId"]
    await studio.spend(player, 20)
    await studio.grant(player, 50)
    assert refused(await reverse(studio, transaction, 1)) == (422, "exceeds_original")
    assert await studio.buckets(player) == {"free": 50}


async def test_a_capture_is_reversed_and_its_hold_stays_closed(studio: Studio, player: str) -> None:
    await studio.grant(player, 9)
    hold = (await studio.hold(player, 9))["holdId"]
    captured = done(await studio.post(f"/v1/holds/{hold}/capture", {}))
    done(await reverse(studio, captured["transaction"]["transactionId"]))
    wallet = await studio.wallet(player)
    assert (wallet["total"], wallet["held"], wallet["available"]) == (9, 0, 9)
    assert refused(await studio.post(f"/v1/holds/{hold}/capture", {})) == (422, "hold_closed")


async def test_a_reversal_stands(studio: Studio, player: str) -> None:
    transaction = await spent(studio, player)
    back = done(await reverse(studio, transaction, 10))["transactionId"]
    assert refused(await reverse(studio, back)) == (422, "not_reversible")


async def test_purchases_are_refunded_and_not_reversed(studio: Studio, player: str) -> None:
    bought = await studio.paid(player, 10)
    found = done(await studio.http.get(f"/v1/players/{player}/statement"))["items"][0]
    assert (found["kind"], found["amount"]) == (bought.kind, 10)
    answer = await reverse(studio, found["transactionId"])
    assert refused(answer) == (422, "not_reversible")
    assert await studio.buckets(player) == {"paid": 10}


async def test_another_tenants_transaction_does_not_exist_here(
    studio: Studio, rival: Studio, player: str
) -> None:
    theirs = await spent(rival, await rival.player())
    await spent(studio, player)
    assert refused(await reverse(studio, theirs)) == (404, "unknown_transaction")
    for unknown in ("txn_01m7yqwf9ke00800000000003v", "txn_x", "hold_01m7yqwf9ke00800000000003v"):
        assert refused(await reverse(studio, unknown)) == (404, "unknown_transaction")


async def test_a_replayed_reversal_undoes_once(studio: Studio, player: str) -> None:
    transaction = await spent(studio, player)
    first = await reverse(studio, transaction, 10, key="k")
    await studio.grant(player, 5)
    again = await reverse(studio, transaction, 10, key="k")
    assert again.content == first.content
    assert refused(await reverse(studio, transaction, 11, key="k")) == (409, "key_reused")


async def test_a_reason_is_sealed_under_the_player_it_names(studio: Studio, player: str) -> None:
    transaction = await spent(studio, player)
    answer = await reverse(studio, transaction, 1, reason="bug 7")
    assert refused(answer) == (422, "missing_field")
    other = await studio.player()
    answer = await reverse(studio, transaction, 1, reason="bug 7", playerId=other)
    assert refused(answer) == (422, "invalid_value")
    assert answer.json()["field"] == "playerId"
    done(await reverse(studio, transaction, 1, reason="bug 7", playerId=player))


async def test_with_a_player_only_their_transaction_is_reversed(
    studio: Studio, player: str
) -> None:
    transaction, other = await spent(studio, player), await studio.player()
    answer = await reverse(studio, transaction, 1, playerId=other)
    assert refused(answer) == (422, "invalid_value")
    assert answer.json()["field"] == "playerId"
    undo = {"verb": "reverse", "key": "k", "transactionId": transaction, "playerId": other}
    batch = await studio.post("/v1/operations:batch", {"mode": "each", "operations": [undo]})
    assert outcomes(batch) == [("refused", "invalid_value")]
    assert done(await reverse(studio, transaction, 1, "k", playerId=player))["amount"] == 1
    assert refused(await reverse(studio, transaction, 1, "k", playerId=other)) == (
        409,
        "key_reused",
    )


async def test_a_frozen_wallet_still_gets_its_coins_back(studio: Studio, player: str) -> None:
    transaction = await spent(studio, player)
    freeze = {"currency": "GEM", "reason": "under review"}
    done(await studio.post(f"/v1/players/{player}/freeze", freeze))
    assert done(await reverse(studio, transaction))["balance"] == 35
