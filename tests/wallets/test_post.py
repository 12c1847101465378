"""A raw posting moves coins between players and named accounts of the house, all legs or none."""

import pytest
from tests.studio import GEM, Studio, done, leg, refused


async def test_the_answer_lists_every_transfer_with_both_balances(
    studio: Studio, player: str
) -> None:
    other = await studio.player()
    await studio.grant(player, 50)
    answer = done(
        await studio.legs(
            leg((player, "free"), "pool", 30),
            leg("pool", (other, "bonus"), 20),
            leg("pool", "sales", 10),
        )
    )
    pool = {"playerId": None, "bucket": None, "house": "pool"}
    assert [
        (one["amount"], one["fromBalance"], one["toBalance"]) for one in answer["transfers"]
    ] == [(30, 20, 30), (20, 10, 20), (10, 0, 10)]
    assert answer["transfers"][0]["from"] == {"playerId": player, "bucket": "free", "house": None}
    assert answer["transfers"][0]["to"] == answer["transfers"][1]["from"] == pool
    assert await studio.buckets(player) == {"free": 20}
    assert await studio.buckets(other) == {"bonus": 20}
    explained = done(await studio.http.get(f"/v1/transactions/{answer['transactionId']}"))
    assert (explained["kind"], len(explained["legs"])) == ("ledger.posted", 3)


async def test_one_bad_leg_refuses_the_whole_posting(studio: Studio, player: str) -> None:
    stranger = "player_01kag3pyqmf9aag12vtrsy70ps"
    before = await studio.entries()
    for last, status, code, field in (
        (leg("issue", (stranger, "free"), 1), 404, "unknown_account", ".to.playerId"),
        (leg((stranger, "free"), "pool", 1), 404, "unknown_account", ".from.playerId"),
        (leg((player, "free"), "pool", 6), 422, "insufficient_funds", ".amount"),
        (leg("pool", "pool", 1), 422, "same_account", ""),
        (leg("issue", (player, "free"), 1, "NOPE"), 422, "unknown_currency", ".currency"),
    ):
        answer = await studio.legs(leg("issue", (player, "free"), 5), last, key="k")
        assert refused(answer) == (status, code), answer.text
        assert answer.json()["field"] == f"legs.1{field}"
    assert await studio.entries() == before
    assert await studio.buckets(player) == {}
    done(await studio.legs(leg("issue", (player, "free"), 5), key="k"))


async def test_up_to_64_legs_are_posted_and_65_refused(studio: Studio, player: str) -> None:
    one = leg("issue", (player, "free"), 1)
    answer = await studio.legs(*[one] * 65)
    assert refused(answer) == (422, "too_many_legs")
    assert (await studio.legs()).status_code == 422
    assert len(done(await studio.legs(*[one] * 64))["transfers"]) == 64
    assert await studio.buckets(player) == {"free": 64}


async def test_64_legs_may_touch_64_new_players_and_accounts(studio: Studio) -> None:
    players = [await studio.player() for _ in range(64)]
    done(
        await studio.legs(
            *(leg(f"pool-{n}", (player, "free"), n + 1) for n, player in enumerate(players))
        )
    )
    assert await studio.buckets(players[63]) == {"free": 64}


async def test_the_house_opens_200_accounts_of_a_currency_and_no_more(studio: Studio) -> None:
    names = [f"pool-{n}" for n in range(199)]
    for start in range(0, 199, 64):
        done(await studio.legs(*(leg("issue", name, 1) for name in names[start : start + 64])))
    answer = await studio.legs(leg("issue", "one-more", 1))
    assert refused(answer) == (422, "too_many_accounts")
    done(await studio.legs(leg("pool-0", "pool-198", 1)))


async def test_paid_coins_are_taken_but_never_given(studio: Studio, player: str) -> None:
    await studio.paid(player, 10)
    answer = await studio.legs(leg("issue", (player, "paid"), 1))
    assert refused(answer) == (422, "paid_needs_payment")
    assert answer.json()["field"] == "legs.0.to.bucket"
    done(await studio.legs(leg((player, "paid"), "sales", 4)))
    assert await studio.buckets(player) == {"paid": 6}


async def test_coins_do_not_pass_from_player_to_player(studio: Studio, player: str) -> None:
    other = await studio.player()
    await studio.grant(player, 10)
    for to in ((other, "free"), (player, "bonus"), (player, "paid")):
        answer = await studio.legs(leg((player, "free"), to, 1))
        assert refused(answer) == (422, "transfer_not_allowed")
    assert await studio.buckets(player) == {"free": 10}


@pytest.mark.parametrize("name", ["clawed", "backing", "unapplied", "refunding", "written_off"])
async def test_accounts_that_other_verbs_keep_are_out_of_reach(
    studio: Studio, player: str, name: str
) -> None:
    for one in (leg(name, (player, "free"), 1), leg("pool", name, 1)):
        assert refused(await studio.legs(one)) == (422, "invalid_value")


async def test_coins_are_issued_and_never_unissued(studio: Studio, player: str) -> None:
    await studio.grant(player, 5)
    answer = await studio.legs(leg((player, "free"), "issue", 1))
    assert refused(answer) == (422, "invalid_value")
    assert answer.json()["field"] == "legs.0.to"


async def test_real_money_is_never_posted(studio: Studio, player: str) -> None:
    await studio.sql("INSERT INTO ledger_asset VALUES ('EUR', 'money', 2, 1000000)")
    for one in (
        leg("issue", (player, "free"), 1, "EUR"),
        leg("pool", "sales", 1, "EUR"),
    ):
        assert refused(await studio.legs(one)) == (422, "unknown_currency")


async def test_sides_that_name_nothing_or_too_much_are_refused(studio: Studio, player: str) -> None:
    for side in (
        {},
        {"playerId": player},
        {"bucket": "free"},
        {"house": "pool", "playerId": player},
        {"house": "pool", "playerId": player, "bucket": "free"},
        {"playerId": player, "bucket": "debt"},
        {"playerId": "house", "bucket": "free"},
        {"house": "provider:sandbox"},
        {"house": "Pool"},
        {"house": ""},
        {"house": "p" * 42},
        {"house": "pool\n"},
    ):
        one = {"from": side, "to": {"house": "sales"}, "currency": GEM, "amount": 1}
        answer = await studio.legs(one)
        assert refused(answer)[0] == 422, (side, answer.text)
        assert answer.json()["field"].startswith(("legs.0.from", "legs.from")), answer.text


async def test_debtors_pay_nothing_and_credits_repay_first(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    await studio.owe(player, 8)
    answer = await studio.legs(leg((player, "free"), "pool", 1))
    assert refused(answer) == (422, "debt_outstanding")
    repaid = done(await studio.legs(leg("issue", (player, "bonus"), 5)))
    assert [(one["to"]["bucket"], one["amount"]) for one in repaid["transfers"]] == [
        ("bonus", 5),
        ("debt", 5),
    ]
    # A credit in the same posting may pay the debt before a later leg spends.
    done(await studio.legs(leg("issue", (player, "free"), 3), leg((player, "free"), "pool", 10)))
    assert await studio.buckets(player) == {}


async def test_held_coins_are_not_posted(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    await studio.hold(player, 8)
    answer = await studio.legs(leg((player, "free"), "pool", 3))
    assert refused(answer) == (422, "insufficient_funds")
    assert answer.json()["available"] == 2
    assert answer.json()["field"] == "legs.0.amount"


async def test_a_replay_gives_the_same_bytes_also_after_later_changes(
    studio: Studio, player: str
) -> None:
    one = leg("issue", (player, "free"), 7)
    first = await studio.legs(one, key="k", metadata={"a": "b"})
    await studio.spend(player, 3)
    again = await studio.legs(one, key="k", metadata={"a": "b"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert refused(await studio.legs(one, one, key="k")) == (409, "key_reused")
    assert await studio.buckets(player) == {"free": 4}


async def test_metadata_is_sealed_under_a_player_of_the_posting(
    studio: Studio, player: str
) -> None:
    answer = await studio.legs(leg("pool", "sales", 1), metadata={"a": "b"})
    assert refused(answer) == (422, "invalid_value")
    assert answer.json()["field"] == "metadata"
    made = done(await studio.legs(leg("pool", (player, "free"), 1), metadata={"a": "b"}))
    explained = done(await studio.http.get(f"/v1/transactions/{made['transactionId']}"))
    assert len(explained["data"]["payload"]) >= 32


async def test_another_tenants_player_is_unknown_here(studio: Studio, rival: Studio) -> None:
    theirs = await rival.player()
    await rival.grant(theirs, 5)
    for one in (leg("issue", (theirs, "free"), 1), leg((theirs, "free"), "pool", 1)):
        assert refused(await studio.legs(one)) == (404, "unknown_account")
    assert await rival.buckets(theirs) == {"free": 5}


async def test_the_books_still_prove(studio: Studio, player: str) -> None:
    await studio.paid(player, 10)
    done(
        await studio.legs(
            leg((player, "paid"), "pool", 4),
            leg("pool", (player, "bonus"), 4),
            leg("issue", "pool", 100),
        )
    )
    proof = done(await studio.http.get("/v1/proof"))
    assert all(one["sum"] == 0 for one in proof["assets"] if one["asset"] == GEM), proof


async def test_the_documented_leg_is_the_one_that_is_taken(studio: Studio) -> None:
    schemas = done(await studio.http.get("/openapi.json"))["components"]["schemas"]
    assert set(schemas["LegBody"]["required"]) == {"from", "to", "currency", "amount"}
    assert {"from", "to", "fromBalance", "toBalance"} <= set(schemas["TransferView"]["properties"])
