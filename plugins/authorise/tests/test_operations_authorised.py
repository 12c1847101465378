"""The game's server agrees to operations on coins too, to each of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from plugins.authorise.tests.game import SECRET, URL, GameServer
from tests.purchases import context

from guildbank.plugin_api import Context, Judgement, NoAnswer, Veto
from guildbank.plugin_api.conformance import GRANT, SPEND
from guildbank_authorise.plugin import PLUGIN


@pytest.fixture
async def game() -> AsyncIterator[GameServer]:
    async with GameServer() as server:
        yield server


def here(game: GameServer) -> Context:
    return game.seen_by(context({"url": URL, "secret": SECRET}, now=datetime.now(UTC)))


def answers(game: GameServer, *said: dict[str, Any]) -> None:
    game.say = lambda _: {"answers": list(said)}


async def test_the_server_is_asked_by_the_verb_and_answers_each(game: GameServer) -> None:
    no = {"allow": False, "code": "in_match", "detail": "Finish the match first."}
    answers(game, {"allow": True, "notes": {"guild": "north"}}, no)
    judged = await PLUGIN.before_moves(here(game), (SPEND, SPEND))
    assert judged.judgements == (
        Judgement(annotations={"guild": "north"}),
        Judgement(veto=Veto(code="in_match", detail="Finish the match first.")),
    )
    [question] = game.questions
    assert question["type"] == "before_spend"
    assert {name: question["data"][name] for name in ("tenant", "mode")} == {
        "tenant": "demo", "mode": "test",
    }  # fmt: skip
    first, second = question["data"]["operations"]
    assert first == second == {
        "players": list(SPEND.players), "amounts": {"GEM": 30}, "currency": "GEM",
        "amountMinor": 30, "held": False, "by": SPEND.by, "reference": "quest-7", "metadata": {},
        "legs": [], "annotations": {},
    }  # fmt: skip


async def test_a_no_without_words_speaks_of_an_operation(game: GameServer) -> None:
    answers(game, {"allow": False})
    [said] = (await PLUGIN.before_moves(here(game), (GRANT,))).judgements
    assert said.veto is not None
    assert said.veto.detail == "The game's own server does not agree to this operation."


@pytest.mark.parametrize("said", [(), ({"allow": True},) * 2, ({"allow": "yes"},)])
async def test_what_is_no_answer_to_each_is_none(
    game: GameServer, said: tuple[dict[str, Any], ...]
) -> None:
    answers(game, *said)
    with pytest.raises(NoAnswer):
        await PLUGIN.before_moves(here(game), (GRANT,))
