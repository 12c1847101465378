"""Hooks while things go wrong or change: races, lost requests, too many, other processes."""

import asyncio
from dataclasses import replace
from time import monotonic
from typing import Any

import httpx
import pytest
from tests.faults.cuts import Boom
from tests.studio import GEM, Studio, done, refused
from tests.wallets.hooking import (
    NO,
    NOTE,
    PURCHASES,
    YES,
    hooked,
    publish,
    questions,
    save,
    says,
    slow,
)

from guildbank.journal import Journal
from guildbank.kernel import Refusal
from guildbank.pipelines import UNSURE, Pipelines
from guildbank.pipelines.usecases import ask_hooks, follow_hooks
from guildbank.pipelines.usecases.follow_hooks import HookFollower
from guildbank.plugin_host import Plugins
from guildbank.wallets.contracts import Grant
from guildbank.wallets.personal import FORGET_CHECKS
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.operate import Request, operate


def grant(player: str, key: str = "k") -> Request:
    return Request(Grant(player, GEM, 5), key)


def another_process(studio: Studio, plugins: Plugins | None = None) -> tuple[Wallets, HookFollower]:
    """Return the wallets of a process with a memory of its own, and what keeps it up to date."""
    services = studio.city.services
    one = services.pipelines
    pipelines = Pipelines(
        one.db, one.journal, plugins or one.plugins, one.egress, one.four_eyes, one.tenants,
        one.purposes, one.clock, verbs=one.verbs,
    )  # fmt: skip
    return replace(services.wallets, pipelines=pipelines), HookFollower(pipelines, one.tenants)


async def test_two_with_one_key_move_coins_once_while_a_hook_thinks(
    studio: Studio, player: str
) -> None:
    await hooked(studio, verb="grant")
    asked, go_on = slow(studio)
    both = [asyncio.create_task(studio.move("grant", player, 5, key="k")) for _ in range(2)]
    await asked.wait()
    go_on.set()
    first, second = await asyncio.gather(*both)
    assert first.content == second.content
    assert await studio.buckets(player) == {"free": 5}


async def test_who_is_vetoed_while_the_same_key_was_let_pass_gets_its_answer(
    studio: Studio, player: str
) -> None:
    await hooked(studio, verb="grant")
    asked, go_on = slow(studio)
    late = asyncio.create_task(studio.move("grant", player, 5, key="k"))
    await asked.wait()
    await publish(studio, "grant", 0)
    first = await studio.move("grant", player, 5, key="k")
    says(studio, NO)
    go_on.set()
    assert (await late).content == first.content
    assert await studio.buckets(player) == {"free": 5}


async def test_who_dies_between_the_hook_and_the_commit_has_moved_nothing_and_may_come_again(
    studio: Studio, player: str
) -> None:
    await hooked(studio, verb="grant")
    asked, _ = slow(studio)
    lost = asyncio.create_task(studio.move("grant", player, 5, key="k"))
    await asked.wait()
    lost.cancel()
    await asyncio.gather(lost, return_exceptions=True)
    assert await studio.buckets(player) == {}
    _, go_on = slow(studio)
    go_on.set()
    done(await studio.move("grant", player, 5, key="k"))
    assert (await studio.buckets(player), len(questions(studio))) == ({"free": 5}, 2)


@pytest.mark.parametrize("point", ["rows_loaded", "before_commit"])
async def test_a_batch_that_breaks_after_the_hook_keeps_neither_coins_nor_what_was_said(
    studio: Studio, player: str, point: str
) -> None:
    await hooked(studio, verb="grant")

    async def probe(met: str) -> None:
        if met == point:
            raise Boom

    services = studio.city.services
    breaking = Journal(services.db, probe=probe)
    with pytest.raises(Boom):
        await operate(replace(services.wallets, journal=breaking), studio.ref, "app", grant(player))
    await breaking.close()
    assert await studio.buckets(player) == {}
    assert await studio.sql("SELECT 1 FROM wallets_check") == []
    assert not isinstance(
        await operate(services.wallets, studio.ref, "app", grant(player)), Refusal
    )
    assert len(await studio.sql("SELECT 1 FROM wallets_check")) == 1


async def test_all_hooks_together_have_only_so_long(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask_hooks, "ALL_SECONDS", 0.05)
    await hooked(studio, "note", "hook", verb="grant")
    slow(studio, NOTE)
    assert refused(await studio.move("grant", player, 5)) == (503, "gate_unavailable")
    assert questions(studio) == []
    await hooked(studio, "note", verb="grant")
    done(await studio.move("grant", player, 5))


async def test_more_than_may_wait_for_a_hook_are_told_to_come_again(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask_hooks, "MAX_ASKING", 1)
    await hooked(studio, verb="grant")
    asked, go_on = slow(studio)
    waiting = asyncio.create_task(studio.move("grant", player, 5))
    await asked.wait()
    busy = await studio.move("grant", player, 6, key="busy")
    assert refused(busy) == (503, "too_busy")
    rows = [{"verb": "grant", "key": "b", "playerId": player, "currency": GEM, "amount": 7}]
    body = {"mode": "each", "operations": rows}
    [failed] = done(await studio.http.post("/v1/operations:batch", json=body))["outcomes"]
    assert (failed["status"], failed["code"]) == ("failed", "too_busy")
    go_on.set()
    done(await waiting)
    done(await studio.move("grant", player, 6, key="busy"))
    assert await studio.buckets(player) == {"free": 11}


async def test_a_process_that_follows_knows_hooks_and_their_end_without_asking(
    studio: Studio, player: str
) -> None:
    wallets, follower = another_process(studio)
    assert wallets.pipelines is not None
    known = wallets.pipelines.hooked
    assert known.of(studio.ref.schema) is UNSURE
    await follower.look()
    assert known.of(studio.ref.schema) is None
    await hooked(studio, verb="grant")
    await follower.look()
    running = known.of(studio.ref.schema)
    assert running is not None
    assert list(running) == ["grant"]
    await publish(studio, "grant", 0)
    await follower.look()
    assert known.of(studio.ref.schema) is None


async def test_a_process_that_cannot_follow_any_more_asks_the_database_and_lets_nothing_slip(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallets, follower = another_process(studio)
    assert wallets.pipelines is not None
    await follower.look()
    says(studio, NO)
    await hooked(studio, verb="grant")
    # Its last look is older than a publication may be unseen.
    wallets.pipelines.hooked.trust(monotonic() - 3)
    answer = await operate(wallets, studio.ref, "app", grant(player))
    assert isinstance(answer, Refusal)
    assert answer.code == "operation_vetoed"


async def test_a_tenant_that_cannot_be_read_is_asked_about_each_time(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(studio, NO)
    await hooked(studio, verb="grant")
    wallets, follower = another_process(studio)
    assert wallets.pipelines is not None

    async def broken(*_: object) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(follow_hooks, "_read", broken)
        await follower.look()
    assert wallets.pipelines.hooked.of(studio.ref.schema) is UNSURE
    answer = await operate(wallets, studio.ref, "app", grant(player))
    assert isinstance(answer, Refusal)
    await follower.look()
    assert list(wallets.pipelines.hooked.of(studio.ref.schema) or ()) == ["grant"]


async def test_a_process_without_the_plugin_refuses(studio: Studio, player: str) -> None:
    await hooked(studio, verb="grant")
    wallets, _ = another_process(studio, Plugins())
    answer = await operate(wallets, studio.ref, "app", grant(player))
    assert isinstance(answer, Refusal)
    assert answer.code == "pipeline_unavailable"
    assert await studio.buckets(player) == {}


async def test_publications_under_load_refuse_from_then_on_and_lose_nothing(
    studio: Studio,
) -> None:
    number = done(await save(studio, "grant", "hook"))["revision"]
    says(studio, NO)
    players = [await studio.player() for _ in range(6)]
    over, turn = asyncio.Event(), 0
    heard: asyncio.Queue[None] = asyncio.Queue()
    granted: dict[str, int] = dict.fromkeys(players, 0)
    wrong: list[httpx.Response] = []

    async def play(player: str) -> None:
        while not over.is_set():
            before = turn
            answer = await studio.move("grant", player, 1)
            granted[player] += answer.status_code == 201
            heard.put_nowait(None)
            # Odd turns begin once the hooks are published, and end before they are taken away.
            if before == turn > 0 and answer.status_code != (403 if turn % 2 else 201):
                wrong.append(answer)

    async def swap() -> None:
        nonlocal turn
        for _ in range(8):
            turn = -1
            await publish(studio, "grant", number)
            turn = 1
            await moved()
            turn = -1
            await publish(studio, "grant", 0)
            turn = 2
            await moved()
        over.set()

    async def moved() -> None:
        for _ in range(8):
            await heard.get()

    await asyncio.gather(swap(), *(play(one) for one in players))
    assert wrong == []
    found = {one: (await studio.buckets(one)).get("free", 0) for one in players}
    assert found == granted
    assert sum(granted.values()) > 0


async def test_a_tenant_without_hooks_asks_neither_the_database_nor_anybody(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = studio.city.services
    statements: list[object] = []
    begin = services.db.begin

    def counted(*args: Any, **more: Any) -> object:
        statements.append(args)
        return begin(*args, **more)

    await operate(services.wallets, studio.ref, "app", grant(player, "warm"))
    wallets, follower = another_process(studio)
    await follower.look()
    without = replace(wallets, pipelines=None)
    monkeypatch.setattr(services.db, "begin", counted)
    counts = []
    for number, one in enumerate((without, wallets)):
        statements.clear()
        await operate(one, studio.ref, "app", grant(player, f"k{number}"))
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("slot", ["entry", "charges", "scorers"])
async def test_only_purchases_have_the_other_slots(studio: Studio, slot: str) -> None:
    answer = await save(studio, "spend", "hook", slot=slot)
    assert refused(answer) == (422, "invalid_pipeline")
    assert answer.json()["field"] == f"stages.{slot}"


async def test_a_middleware_that_looks_at_purchases_only_is_refused_at_once(
    studio: Studio,
) -> None:
    answer = await save(studio, "spend", PURCHASES.manifest.id)
    assert refused(answer) == (422, "invalid_pipeline")
    assert answer.json()["field"] == "stages.before.0.plugin"
    assert done(await save(studio, "packs", PURCHASES.manifest.id))["revision"] == 1


async def test_an_erased_player_is_in_no_record_of_hooks(studio: Studio, player: str) -> None:
    says(studio, YES)
    await hooked(studio, verb="grant")
    await studio.grant(player, 5)
    await studio.sql(FORGET_CHECKS, player)
    assert [row[0] for row in await studio.sql("SELECT answers FROM wallets_check")] == ["[]"]
