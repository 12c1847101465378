"""Hooks are asked before coins move: what they veto does not happen, what they note is kept."""

from typing import Any

import msgspec
import pytest
from tests.studio import GEM, Studio, done, leg, outcomes, refused
from tests.wallets.hooking import (
    HOOK,
    NO,
    NOTE,
    YES,
    fails,
    hooked,
    publish,
    questions,
    save,
    says,
    slow,
)

from guildbank.plugin_api import Judgement, MoveLeg, MoveView
from guildbank.wallets.jobs import expire_holds


async def test_a_vetoed_spend_moves_nothing_and_says_which_hook_refused_it(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    await hooked(studio)
    says(studio, NO)
    before = await studio.entries()
    answer = await studio.move("spend", player, 20, key="k")
    assert refused(answer) == (403, "operation_vetoed")
    problem = answer.json()
    assert problem["detail"] == "Your vault is too full."
    assert (problem["veto"], problem["step"], problem["plugin"]) == (
        "vault_full", "ask-hook", "hook",
    )  # fmt: skip
    assert (await studio.buckets(player), await studio.entries()) == ({"free": 50}, before)
    says(studio, YES)
    assert (await studio.spend(player, 20, key="k"))["balance"] == 30


@pytest.mark.parametrize(("verb", "path"), [("spend", "hold"), ("spend", "spend"), ("grant",) * 2])
async def test_each_verb_has_hooks_of_its_own(
    studio: Studio, player: str, verb: str, path: str
) -> None:
    await studio.grant(player, 50)
    says(studio, NO)
    await hooked(studio, verb=verb)
    assert refused(await studio.move(path, player, 20)) == (403, "operation_vetoed")
    other = "grant" if verb == "spend" else "spend"
    done(await studio.move(other, player, 20))
    done(await studio.legs(leg("pool", (player, "bonus"), 5)))


async def test_a_vetoed_transfer_moves_none_of_its_legs(studio: Studio, player: str) -> None:
    await hooked(studio, verb="transfer")
    says(studio, lambda one: NO if one.amounts[GEM] > 100 else YES)
    both = (leg("pool", (player, "bonus"), 60), leg("pool", "fees", 41))
    assert refused(await studio.legs(*both)) == (403, "operation_vetoed")
    assert await studio.buckets(player) == {}
    done(await studio.legs(*both[:1]))
    assert await studio.buckets(player) == {"bonus": 60}


async def test_a_hook_is_told_who_moves_how_much_of_what_and_why(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    for verb in ("spend", "transfer"):
        await hooked(studio, verb=verb)
    done(await studio.move("hold", player, 7, key="held", metadata={"quest": "dragon"}))
    done(await studio.legs(leg("pool", (player, "bonus"), 5), leg("pool", "fees", 6), key="both"))
    [(held,), (posted,)] = questions(studio)
    assert held == MoveView(
        verb="spend", by=held.by, players=(player,), amounts={GEM: 7}, reference="held",
        currency=GEM, amount_minor=7, held=True, metadata={"quest": "dragon"},
    )  # fmt: skip
    assert held.by.startswith("app_")
    assert posted == MoveView(
        verb="transfer", by=held.by, players=(player,), amounts={GEM: 11}, reference="both",
        currency=GEM, amount_minor=11,
        legs=(
            MoveLeg(source="house/pool", to=f"{player}/bonus", currency=GEM, amount_minor=5),
            MoveLeg(source="house/pool", to="house/fees", currency=GEM, amount_minor=6),
        ),
    )  # fmt: skip


async def test_what_hooks_note_later_ones_read_and_people_find_with_the_transaction(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    plain = await studio.spend(player, 1)
    await hooked(studio, "note", "hook")
    says(studio, Judgement(annotations={"guild": "north"}), NOTE)
    spent = await studio.spend(player, 20)
    assert spent.keys() == plain.keys()
    [(seen,)] = questions(studio)
    assert seen.annotations == {"ask-note.guild": "north"}
    told = await checks(studio, spent)
    assert (told["pipeline"], told["revision"]) == ("spend", 1)
    assert [(one["step"], one["verdict"], one["notes"]) for one in told["checks"]] == [
        ("ask-note", "passed", {"ask-note.guild": "north"}),
        ("ask-hook", "passed", {}),
    ]
    assert (await checks(studio, plain))["checks"] == []


async def checks(studio: Studio, moved: dict[str, Any]) -> dict[str, Any]:
    return done(await studio.http.get(f"/v1/transactions/{moved['transactionId']}/checks"))


async def test_of_another_tenants_transaction_nothing_is_told(
    studio: Studio, rival: Studio, player: str
) -> None:
    spent = await studio.grant(player, 5)
    path = f"/v1/transactions/{spent['transactionId']}/checks"
    assert refused(await rival.http.get(path)) == (404, "unknown_transaction")


async def test_a_tenants_hooks_are_asked_of_no_other_tenant(
    studio: Studio, rival: Studio, player: str
) -> None:
    says(studio, NO)
    await hooked(studio, verb="grant")
    await rival.grant(await rival.player(), 5)
    assert refused(await studio.move("grant", player, 5)) == (403, "operation_vetoed")
    assert questions(rival) == []


async def test_a_replay_is_answered_and_no_hook_is_asked_what_it_would_say_now(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    await hooked(studio)
    first = await studio.move("spend", player, 20, key="k")
    says(studio, NO)
    assert (await studio.move("spend", player, 20, key="k")).content == first.content
    assert refused(await studio.move("spend", player, 21, key="k")) == (409, "key_reused")
    assert len(questions(studio)) == 1
    [answer] = done(await batch(studio, "each", ("spend", "k", player, 20)))["outcomes"]
    assert answer["transaction"] == first.json()
    assert len(questions(studio)) == 1


async def batch(studio: Studio, mode: str, *operations: tuple[str, str, str, int]) -> Any:
    rows = [
        {"verb": verb, "key": key, "playerId": player, "currency": GEM, "amount": amount}
        for verb, key, player, amount in operations
    ]
    body = {"mode": mode, "operations": rows}
    return await studio.http.post("/v1/operations:batch", json=body)


async def test_a_chunk_is_asked_about_in_one_call_and_only_what_is_vetoed_is_refused(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 100)
    await hooked(studio)
    says(studio, lambda one: NO if one.amount_minor == 3 else YES)
    many = [("spend", f"s{number}", player, number) for number in range(1, 6)]
    answer = await batch(studio, "each", ("grant", "g", player, 10), *many)
    yes = ("done", None)
    assert outcomes(answer) == [yes, yes, yes, ("refused", "operation_vetoed"), yes, yes]
    assert done(answer)["outcomes"][3]["detail"] == "Your vault is too full."
    [asked] = questions(studio)
    assert [one.amount_minor for one in asked] == [1, 2, 3, 4, 5]
    assert await studio.buckets(player) == {"free": 110 - 12}


async def test_of_operations_that_stand_or_fall_together_one_veto_stops_all(
    studio: Studio, player: str
) -> None:
    await hooked(studio, verb="grant")
    says(studio, lambda one: NO if one.amount_minor == 3 else YES)
    many = [("grant", f"s{number}", player, number) for number in range(1, 6)]
    answer = await batch(studio, "all", *many)
    assert [code for _, code in outcomes(answer)] == [
        "batch_refused", "batch_refused", "operation_vetoed", "batch_refused", "batch_refused",
    ]  # fmt: skip
    assert await studio.buckets(player) == {}
    assert len(questions(studio)) == 1
    says(studio, YES)
    assert done(await batch(studio, "all", *many))["done"] == 5


async def test_what_settles_or_undoes_asks_nobody(studio: Studio, player: str) -> None:
    await studio.grant(player, 100)
    spent = await studio.spend(player, 10)
    held = [(await studio.hold(player, 10))["holdId"] for _ in range(3)]
    await studio.hold(player, 7)
    await studio.sql("UPDATE ledger_hold SET expires_at = now() WHERE amount = 7")
    for verb in ("spend", "grant", "transfer"):
        await hooked(studio, verb=verb)
    says(studio, NO)
    done(await studio.post(f"/v1/holds/{held[0]}/capture", {"amount": 4}))
    done(await studio.post(f"/v1/holds/{held[0]}/release"))
    undo = {"transactionId": spent["transactionId"], "amount": 3}
    done(await studio.post("/v1/reversals", undo))
    rows = [
        {"verb": "capture", "key": "c", "holdId": held[1]},
        {"verb": "release", "key": "r", "holdId": held[2]},
        {"verb": "reverse", "key": "u", "transactionId": spent["transactionId"], "amount": 1},
    ]
    answer = await studio.http.post(
        "/v1/operations:batch", json={"mode": "each", "operations": rows}
    )
    assert done(answer)["done"] == 3
    assert await expire_holds(studio.city.services.wallets, studio.ref) == 1
    await studio.owe(player, 2)
    assert questions(studio) == []


async def test_revision_0_and_a_roll_back_take_the_hooks_away(studio: Studio, player: str) -> None:
    says(studio, NO)
    await hooked(studio, verb="grant")
    assert refused(await studio.move("grant", player, 5)) == (403, "operation_vetoed")
    await publish(studio, "grant", 0)
    await studio.grant(player, 5)
    done(await studio.http.post("/v1/pipelines/grant/roll-back", json={}))
    assert refused(await studio.move("grant", player, 5)) == (403, "operation_vetoed")
    assert len(questions(studio)) == 2


async def test_a_canary_asks_about_its_share_of_the_players(studio: Studio) -> None:
    says(studio, NO)
    saved = done(await save(studio, "grant", "hook"))
    await publish(studio, "grant", saved["revision"], share=50)
    players = [await studio.player() for _ in range(16)]
    answer = await batch(studio, "each", *(("grant", one, one, 5) for one in players))
    codes = [code for _, code in outcomes(answer)]
    assert set(codes) == {None, "operation_vetoed"}
    again = await batch(studio, "each", *(("grant", f"{one}2", one, 5) for one in players))
    assert [code for _, code in outcomes(again)] == codes


async def test_a_hook_without_an_answer_refuses_and_one_that_only_notes_is_skipped(
    studio: Studio, player: str
) -> None:
    await hooked(studio, "note", verb="grant")
    fails(studio, NOTE)
    granted = await studio.grant(player, 5)
    [told] = (await checks(studio, granted))["checks"]
    assert told["verdict"] == "ignored"
    await hooked(studio, "hook", verb="grant")
    fails(studio)
    answer = await studio.move("grant", player, 5)
    assert refused(answer) == (503, "gate_unavailable")
    assert answer.json()["detail"].startswith("The hook ask-hook did not answer")
    assert await studio.buckets(player) == {"free": 5}


async def test_a_veto_of_a_hook_that_may_be_skipped_is_ignored_and_counted(
    studio: Studio, player: str
) -> None:
    await hooked(studio, "note", verb="grant")
    says(studio, NO, NOTE)
    for number in range(12):
        granted = await studio.grant(player, 5)
        [told] = (await checks(studio, granted))["checks"]
        assert (told["verdict"], told["code"]) == ("ignored", "quarantined" if number > 9 else None)
    # Left alone after ten, as one that fails is.
    assert len(questions(studio, NOTE)) == 10
    assert await studio.buckets(player) == {"free": 60}


@pytest.mark.parametrize("answers", [0, 2])
async def test_another_number_of_answers_is_none(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    real = HOOK.before_moves

    async def miscounted(context: Any, moves: Any) -> Any:
        return await real(context, moves[:1] * answers)

    await hooked(studio, verb="grant")
    monkeypatch.setattr(HOOK, "before_moves", miscounted)
    assert refused(await studio.move("grant", player, 5)) == (503, "gate_unavailable")


async def test_one_operation_without_an_answer_does_not_hurt_its_neighbours(
    studio: Studio, player: str
) -> None:
    unsaid = Judgement(no_answer="nobody knows")
    says(studio, lambda one: unsaid if one.amount_minor == 2 else YES)
    await hooked(studio, verb="grant")
    many = [("grant", f"g{number}", player, number) for number in (1, 2, 3)]
    assert [code for _, code in outcomes(await batch(studio, "each", *many))] == [
        None, "gate_unavailable", None,
    ]  # fmt: skip


async def test_a_hook_that_failed_too_often_is_left_alone_and_refuses_meanwhile(
    studio: Studio, player: str
) -> None:
    for steps in (("hook",), ("note",)):
        await hooked(studio, *steps, verb="grant")
        for hook in (HOOK, NOTE):
            fails(studio, hook)
        answers = [await studio.move("grant", player, 1) for _ in range(12)]
        hook = HOOK if steps == ("hook",) else NOTE
        assert len(questions(studio, hook)) == 10
        passed = {answer.status_code for answer in answers}
        assert passed == ({503} if hook is HOOK else {201})


async def test_a_hook_that_is_late_refuses(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooked(studio, verb="grant")
    slow(studio)
    late = msgspec.structs.replace(HOOK.manifest, timeout_seconds=0)
    monkeypatch.setattr(HOOK, "manifest", late)
    assert refused(await studio.move("grant", player, 5)) == (503, "gate_unavailable")
    assert await studio.buckets(player) == {}
