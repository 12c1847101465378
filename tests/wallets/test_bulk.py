"""Many operations in one call: each on its own, or all in one commit or none."""

from dataclasses import replace
from typing import Any

from tests.studio import GEM, Studio, done, outcomes, refused

from guildbank.journal import Journal, Outcome, Receipt, Unavailable
from guildbank.wallets.contracts import Grant
from guildbank.wallets.usecases.operate import Request, operate_each

PATH = "/v1/operations:batch"


def op(verb: str, key: str, player: str, amount: int = 1, **more: Any) -> dict[str, Any]:
    return {"verb": verb, "key": key, "playerId": player, "currency": GEM, "amount": amount, **more}


def batch(mode: str, *operations: dict[str, Any]) -> dict[str, Any]:
    return {"mode": mode, "operations": list(operations)}


async def test_outcomes_come_in_the_order_of_the_operations(studio: Studio, player: str) -> None:
    stranger = "player_01kag3pyqmf9aag12vtrsy70ps"
    answer = await studio.post(
        PATH,
        batch(
            "each",
            op("grant", "a", player, 10),
            op("spend", "b", player, 11),
            op("grant", "c", stranger, 5),
            op("spend", "d", player, 4),
            op("hold", "e", player, 6),
            {"verb": "capture", "key": "f", "holdId": "hold_x"},
        ),
    )
    assert outcomes(answer) == [
        ("done", None),
        ("refused", "insufficient_funds"),
        ("refused", "unknown_account"),
        ("done", None),
        ("done", None),
        ("refused", "unknown_hold"),
    ]
    found = answer.json()
    assert found["done"] == 3
    assert [one["key"] for one in found["outcomes"]] == list("abcdef")
    assert [found["outcomes"][n]["transaction"]["balance"] for n in (0, 3, 4)] == [10, 6, 6]
    assert found["outcomes"][4]["transaction"]["available"] == 0


async def test_a_hold_of_a_batch_can_be_captured_and_released_by_batch(
    studio: Studio, player: str
) -> None:
    made = done(
        await studio.post(
            PATH, batch("all", op("grant", "a", player, 10), op("hold", "b", player, 10))
        )
    )
    hold = made["outcomes"][1]["holdId"]
    assert made["outcomes"][0]["holdId"] is None
    answer = await studio.post(
        PATH,
        batch(
            "all",
            {"verb": "capture", "key": "c", "holdId": hold, "amount": 4},
            {"verb": "release", "key": "d", "holdId": hold},
        ),
    )
    assert outcomes(answer) == [("done", None), ("done", None)]
    assert await studio.buckets(player) == {"free": 6}


async def test_a_replayed_batch_answers_the_same(studio: Studio, player: str) -> None:
    for mode in ("each", "all"):
        body = batch(mode, op("grant", f"{mode}1", player, 10), op("spend", f"{mode}2", player, 3))
        first = await studio.post(PATH, body)
        await studio.grant(player, 1)
        assert (await studio.post(PATH, body)).content == first.content
    assert await studio.buckets(player) == {"free": 16}


async def test_keys_are_those_of_the_single_calls(studio: Studio, player: str) -> None:
    single = await studio.grant(player, 10, key="k")
    answer = await studio.post(
        PATH, batch("each", op("grant", "k", player, 10), op("grant", "k", player, 11))
    )
    assert outcomes(answer) == [("done", None), ("refused", "key_reused")]
    assert answer.json()["outcomes"][0]["transaction"] == single
    assert await studio.buckets(player) == {"free": 10}


async def test_a_key_given_twice_in_one_batch_works_once(studio: Studio, player: str) -> None:
    same = op("grant", "k", player, 10)
    answer = await studio.post(PATH, batch("each", same, same, op("grant", "k", player, 9)))
    assert outcomes(answer) == [("done", None), ("done", None), ("refused", "key_reused")]
    assert await studio.buckets(player) == {"free": 10}


async def test_all_or_none_leaves_nothing_after_one_refusal(studio: Studio, player: str) -> None:
    before = await studio.entries()
    body = batch(
        "all",
        op("grant", "a", player, 10),
        op("spend", "b", player, 4),
        op("spend", "c", player, 7),
        op("grant", "d", player, 9),
    )
    assert outcomes(await studio.post(PATH, body)) == [
        ("refused", "batch_refused"),
        ("refused", "batch_refused"),
        ("refused", "insufficient_funds"),
        ("refused", "batch_refused"),
    ]
    assert await studio.entries() == before
    assert await studio.buckets(player) == {}
    # Every key is free again.
    body["operations"][2]["amount"] = 6
    assert outcomes(await studio.post(PATH, body)) == [("done", None)] * 4
    assert await studio.buckets(player) == {"free": 9}


async def test_all_or_none_names_the_operation_that_no_act_could_be_made_of(
    studio: Studio, player: str
) -> None:
    body = batch(
        "all",
        op("grant", "a", player, 10),
        {"verb": "release", "key": "b", "holdId": "hold_x"},
        op("grant", "c", player, 10),
    )
    assert outcomes(await studio.post(PATH, body)) == [
        ("refused", "batch_refused"),
        ("refused", "unknown_hold"),
        ("refused", "batch_refused"),
    ]
    assert await studio.buckets(player) == {}


async def test_later_operations_see_what_earlier_ones_did(studio: Studio, player: str) -> None:
    other = await studio.player()
    for mode in ("each", "all"):
        body = batch(
            mode,
            op("grant", f"{mode}1", player, 5),
            op("spend", f"{mode}2", player, 5),
            op("grant", f"{mode}3", other, 5),
            op("spend", f"{mode}4", player, 1),
        )
        last = outcomes(await studio.post(PATH, body))[-1]
        assert last == ("refused", "insufficient_funds")


async def test_each_verb_needs_its_own_scope(studio: Studio, player: str) -> None:
    weak = await studio.city.key(studio.ref, "wallets:bulk", "wallets:grant")
    async with studio.city.client(weak) as machine:
        fine = await machine.post(PATH, json=batch("each", op("grant", "a", player)))
        assert outcomes(fine) == [("done", None)]
        for number, verb in enumerate(("spend", "hold")):
            body = batch("each", op("grant", f"b{number}", player), op(verb, "c", player))
            answer = await machine.post(PATH, json=body)
            assert refused(answer) == (403, "forbidden")
            assert answer.json()["field"] == "operations.1.verb"
        for verb, field in (("capture", "holdId"), ("release", "holdId")):
            body = batch("each", {"verb": verb, "key": "c", field: "hold_x"})
            assert refused(await machine.post(PATH, json=body)) == (403, "forbidden")
        body = batch("each", {"verb": "reverse", "key": "c", "transactionId": "txn_x"})
        assert refused(await machine.post(PATH, json=body)) == (403, "forbidden")
    assert await studio.buckets(player) == {"free": 1}


async def test_8001_operations_are_refused_and_8000_are_done(studio: Studio, player: str) -> None:
    many = [op("grant", f"k{number}", player) for number in range(8_001)]
    answer = await studio.post(PATH, batch("each", *many))
    assert refused(answer) == (422, "out_of_range")
    assert answer.json()["field"] == "operations"
    assert done(await studio.post(PATH, batch("each", *many[:8_000])))["done"] == 8_000
    assert await studio.buckets(player) == {"free": 8_000}


async def test_what_comes_after_a_journal_that_stopped_is_unavailable_and_not_sent(
    studio: Studio, player: str
) -> None:
    services = studio.city.services
    journal = Journal(services.db, bulk_chunk=2)
    wallets = replace(services.wallets, journal=journal)
    requests = [Request(Grant(player, GEM, 1), f"k{number}") for number in range(7)]
    answers: list[Outcome | Exception] = []
    async for some in operate_each(wallets, studio.ref, "app", requests):
        answers += some
        if len(answers) == 4:
            await journal.close()
    assert [type(answer) for answer in answers] == [Receipt] * 4 + [Unavailable] * 3
    assert await studio.buckets(player) == {"free": 4}


async def test_1001_are_too_many_for_one_commit_and_1000_are_not(
    studio: Studio, player: str
) -> None:
    many = [op("grant", f"k{number}", player) for number in range(1_001)]
    answer = await studio.post(PATH, batch("all", *many))
    assert refused(answer) == (422, "out_of_range")
    assert answer.json()["field"] == "operations"
    assert await studio.buckets(player) == {}
    assert done(await studio.post(PATH, batch("all", *many[:1_000])))["done"] == 1_000
    assert await studio.buckets(player) == {"free": 1_000}


async def test_fields_are_those_of_the_verb(studio: Studio, player: str) -> None:
    for operation, code, field in (
        ({"verb": "grant", "key": "k", "currency": GEM, "amount": 1}, "missing_field", "playerId"),
        (
            {"verb": "spend", "key": "k", "playerId": player, "amount": 1},
            "missing_field",
            "currency",
        ),
        (
            {"verb": "hold", "key": "k", "playerId": player, "currency": GEM},
            "missing_field",
            "amount",
        ),
        ({"verb": "capture", "key": "k"}, "missing_field", "holdId"),
        ({"verb": "reverse", "key": "k"}, "missing_field", "transactionId"),
        (op("grant", "k", player, holdId="hold_x"), "unknown_field", "holdId"),
        (op("grant", "k", player, expiresInSeconds=5), "unknown_field", "expiresInSeconds"),
        ({"verb": "release", "key": "k", "holdId": "h", "amount": 5}, "unknown_field", "amount"),
        (
            {"verb": "capture", "key": "k", "holdId": "h", "metadata": {"a": "b"}},
            "unknown_field",
            "metadata",
        ),
        (op("burn", "k", player), "invalid_value", "verb"),
        (op("grant", "", player), "out_of_range", "key"),
        (op("grant", "a b", player), "invalid_value", "key"),
        (op("grant", "k", player, 0), "amount_not_positive", "amount"),
    ):
        body = batch("each", op("grant", "first", player), operation)
        answer = await studio.post(PATH, body)
        assert refused(answer) == (422, code), answer.text
        assert answer.json()["field"] == f"operations.1.{field}"
    for empty in ({"mode": "each", "operations": []}, {"mode": "some", "operations": [{}]}):
        assert refused(await studio.post(PATH, empty))[0] == 422
    assert await studio.buckets(player) == {}


async def test_another_tenants_players_are_unknown_in_a_batch(
    studio: Studio, rival: Studio
) -> None:
    theirs = await rival.player()
    answer = await studio.post(PATH, batch("each", op("grant", "k", theirs)))
    assert outcomes(answer) == [("refused", "unknown_account")]
