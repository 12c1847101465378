"""A dry run says what a draft of hooks would have said of operations, and nothing of it happens."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.studio import GEM, Studio, done, leg, refused
from tests.wallets.hooking import CALLS, HOOK, NO, YES, fails, hooked, publish, questions, says

from guildbank.infra.egress import Egress
from guildbank.plugin_api import Judgement

NO_REFERENCE = "the Idempotency-Key is not in the record: hooks saw an empty reference"


async def dry_run(studio: Studio, verb: str, *steps: str, **more: Any) -> dict[str, Any]:
    stages = {"before": [{"id": f"ask-{one}", "plugin": one} for one in steps]}
    body = {"stages": stages, **more}
    return done(await studio.http.post(f"/v1/pipelines/{verb}/dry-run", json=body))


async def test_a_stricter_draft_shows_which_spends_it_would_have_refused(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 100)
    small, large = await studio.spend(player, 10), await studio.spend(player, 40)
    says(studio, lambda one: NO if (one.amount_minor or 0) > 20 else YES)
    before = await studio.entries()
    told = await dry_run(studio, "spend", "hook")
    assert (told["replayed"], told["same"], told["items"]) == (2, 1, [])
    [one] = told["operations"]
    assert one["id"] == large["transactionId"] != small["transactionId"]
    assert (one["amounts"], one["players"], one["held"]) == ({GEM: 40}, [player], False)
    assert one["changed"] == ["outcome", "refusedBy", "veto"]
    assert one["before"] == {"outcome": "done", "refusedBy": None, "veto": None, "notes": {}}
    assert one["after"] == {
        "outcome": "vetoed", "refusedBy": "ask-hook", "veto": "vault_full", "notes": {},
    }  # fmt: skip
    assert await studio.entries() == before
    assert (await studio.buckets(player)) == {"free": 50}


async def test_hooks_see_each_operation_as_they_saw_it_but_for_its_key(
    studio: Studio, player: str
) -> None:
    for verb in ("spend", "grant", "transfer"):
        await hooked(studio, verb=verb)
    await studio.grant(player, 50)
    done(await studio.move("hold", player, 7, metadata={"quest": "dragon"}))
    legs = (leg("pool", (player, "bonus"), 5), leg("pool", "fees", 6))
    done(await studio.legs(*legs, metadata={"why": "prize"}))
    asked = [one for (one,) in questions(studio)]
    HOOK.asked[studio.ref.slug].clear()
    for verb in ("grant", "spend", "transfer"):
        assert (await dry_run(studio, verb, "hook"))["same"] == 1
    again = [one for (one,) in questions(studio)]
    assert again == [msgspec.structs.replace(one, reference="") for one in asked]
    assert [one.metadata for one in again] == [{}, {"quest": "dragon"}, {"why": "prize"}]


async def test_what_repaid_a_debt_is_no_leg_of_the_transfer(studio: Studio, player: str) -> None:
    await studio.owe(player, 3)
    done(await studio.legs(leg("pool", (player, "bonus"), 5)))
    await dry_run(studio, "transfer", "hook")
    [(seen,)] = questions(studio)
    assert [(one.source, one.to, one.amount_minor) for one in seen.legs] == [
        ("house/pool", f"{player}/bonus", 5)
    ]


async def test_other_notes_are_a_difference_too(studio: Studio, player: str) -> None:
    await studio.grant(player, 50)
    says(studio, Judgement(annotations={"guild": "north"}))
    await hooked(studio)
    await studio.spend(player, 1)
    assert (await dry_run(studio, "spend", "hook"))["operations"] == []
    says(studio, Judgement(annotations={"guild": "south"}))
    [one] = (await dry_run(studio, "spend", "hook"))["operations"]
    assert one["changed"] == ["notes"]
    assert (one["before"]["notes"], one["after"]["notes"]) == (
        {"ask-hook.guild": "north"}, {"ask-hook.guild": "south"},
    )  # fmt: skip
    assert one["unknown"] == [NO_REFERENCE]


async def test_a_hook_that_calls_somebody_is_not_asked_again(studio: Studio, player: str) -> None:
    await studio.grant(player, 50)
    await studio.spend(player, 1)
    says(studio, Judgement(annotations={"tier": "gold"}), CALLS)
    await hooked(studio, "calls")
    await studio.spend(player, 2)
    says(studio, NO, CALLS)
    assert len(questions(studio, CALLS)) == 1
    told = await dry_run(studio, "spend", "calls", "hook")
    assert (told["replayed"], told["same"]) == (2, 2)
    (known,), (unknown,) = questions(studio)
    assert known.annotations == {"ask-calls.tier": "gold"}
    assert unknown.annotations == {}
    says(studio, NO)
    newest, oldest = (await dry_run(studio, "spend", "calls", "hook"))["operations"]
    assert newest["unknown"] == [NO_REFERENCE]
    assert oldest["unknown"] == ["ask-calls was never asked: it is taken to agree", NO_REFERENCE]
    assert len(questions(studio, CALLS)) == 1


async def test_an_answer_to_other_settings_stands_and_is_counted_where_nothing_differs(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    await studio.spend(player, 1)
    stages = asking("https://old.example/ask")
    saved = done(await studio.http.post("/v1/pipelines/spend/revisions", json=stages))
    await publish(studio, "spend", saved["revision"])
    for _ in range(2):
        await studio.spend(player, 1)
    path = "/v1/pipelines/spend/dry-run"
    told = done(await studio.http.post(path, json=asking("https://new.example/ask")))
    assert (told["same"], told["operations"]) == (3, [])
    assert told["unknown"] == {
        "ask was never asked: it is taken to agree": 1,
        "ask was asked with other settings then: it is taken to say what it said": 2,
    }
    again = done(await studio.http.post(path, json=stages))
    assert again["unknown"] == {"ask was never asked: it is taken to agree": 1}


def asking(url: str) -> dict[str, Any]:
    return {"stages": {"before": [{"id": "ask", "plugin": "calls", "settings": {"url": url}}]}}


async def test_no_address_of_a_draft_is_looked_up(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    async def look_up(host: str, port: int) -> Sequence[str]:
        looked.append(host)
        return ("203.0.114.7",)

    await studio.grant(player, 50)
    await studio.spend(player, 1)
    monkeypatch.setattr(studio.city.services.pipelines, "egress", Egress(resolve=look_up))
    draft = asking("https://game.example/ask")
    told = done(await studio.http.post("/v1/pipelines/spend/dry-run", json=draft))
    assert (told["replayed"], looked) == (1, [])
    done(await studio.http.post("/v1/pipelines/spend/check", json=draft))
    assert looked == ["game.example"]


async def test_a_draft_that_fails_shows_it_and_quarantines_nothing_that_runs(
    studio: Studio, player: str
) -> None:
    await studio.grant(player, 50)
    await hooked(studio)
    for _ in range(12):
        await studio.spend(player, 1)
    fails(studio)
    told = await dry_run(studio, "spend", "hook", operations=11)
    assert {one["after"]["outcome"] for one in told["operations"]} == {"failed"}
    assert len(told["operations"]) == 11
    del HOOK.first[studio.ref.slug]
    await studio.spend(player, 1)


async def test_a_player_who_was_erased_has_left_no_metadata(studio: Studio, player: str) -> None:
    await studio.grant(player, 5, metadata={"who": "me"})
    await studio.sql("DELETE FROM identity_person_key WHERE player_id = $1", player)
    says(studio, lambda one: NO if not one.metadata else YES)
    [one] = (await dry_run(studio, "grant", "hook"))["operations"]
    assert "the metadata was erased with its player: hooks saw none" in one["unknown"]


async def test_a_bad_draft_is_refused_as_it_would_be_when_saved(studio: Studio) -> None:
    body = {"stages": {"before": [{"id": "ask", "plugin": "purchases"}]}}
    answer = await studio.http.post("/v1/pipelines/spend/dry-run", json=body)
    assert refused(answer) == (422, "invalid_pipeline")
    gone = await studio.http.post("/v1/pipelines/nothing/dry-run", json={"stages": {}})
    assert refused(gone) == (404, "not_found")


async def test_of_another_tenants_operations_nothing_is_replayed(
    studio: Studio, rival: Studio, player: str
) -> None:
    await studio.grant(player, 5)
    assert (await dry_run(rival, "grant", "hook"))["replayed"] == 0
