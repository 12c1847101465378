"""Operations go on by the word of the tenant's own server too, one answer for each."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from plugins.remote.tests.test_remote import SECRET
from standardwebhooks import Webhook
from tests.purchases import context
from tests.servers.canned import Asked
from tests.servers.impostor import Impostor, json_page, page

from guildbank.plugin_api import Context, Judgement, MoveView, NoAnswer, Veto
from guildbank.plugin_api.conformance import GRANT, SPEND, TRANSFER
from guildbank.plugin_host import Outbound
from guildbank_remote.plugin import GATE, MAX_QUESTION_BYTES, NOTE, HttpGate

HOST = "game.example"
URL = f"https://{HOST}/may-move"
SETTINGS = {"url": URL, "secrets": SECRET}
VETO = {"veto": {"code": "vault_full", "detail": "Your vault is too full."}}
YES: dict[str, Any] = {"allow": True}
BOTH = pytest.mark.parametrize("plugin", [GATE, NOTE], ids=["http_gate", "http_note"])


class Studio(Impostor):
    """The tenant's server, which says of each operation what it is told to."""

    def __init__(self) -> None:
        super().__init__(HOST)
        self.questions: list[dict[str, Any]] = []
        self.say: Callable[[dict[str, Any]], object] = lambda _: YES
        self.on("/may-move", self._answer)

    def _answer(self, asked: Asked) -> bytes:
        headers = {name: asked.headers[name] for name in asked.headers if "webhook" in name}
        question = Webhook(SECRET).verify(asked.body, headers)
        self.questions.append(question)
        return json_page(
            200, {"answers": [self.say(one) for one in question["data"]["operations"]]}
        )


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    async with Studio() as server:
        yield server


def here(studio: Studio, plugin: HttpGate = GATE, **settings: Any) -> Context:
    whole = {**SETTINGS, **settings}
    # The library that verifies takes no question that is older than minutes.
    found = context(whole, now=datetime.now(UTC))
    http = Outbound(studio.egress(), plugin.manifest, whole)
    return msgspec.structs.replace(found, http=http)


async def test_operations_are_sent_whole_and_in_one_question(studio: Studio) -> None:
    await GATE.before_moves(here(studio), (TRANSFER,))
    await GATE.before_moves(here(studio), (SPEND, SPEND))
    transfer, spends = studio.questions
    assert (transfer["type"], transfer["version"]) == ("operations", 1)
    assert {name: spends["data"][name] for name in ("tenant", "mode", "verb")} == {
        "tenant": "demo", "mode": "test", "verb": "spend",
    }  # fmt: skip
    assert len(spends["data"]["operations"]) == 2
    [told] = transfer["data"]["operations"]
    assert told == {
        "players": list(TRANSFER.players), "amounts": {"GEM": 10, "GOLD": 2**53 - 1},
        "currency": None, "amountMinor": None, "held": False, "by": TRANSFER.by,
        "reference": "tournament", "metadata": {}, "annotations": {},
        "legs": [
            {"from": "house/pool", "to": f"{TRANSFER.players[0]}/bonus", "currency": "GEM",
             "amountMinor": 10},
            {"from": "house/pool", "to": "house/sales", "currency": "GOLD",
             "amountMinor": 2**53 - 1},
        ],
    }  # fmt: skip
    heads = [one.name.partition("_") for one in msgspec.structs.fields(MoveView)]
    camel = {head + rest.title().replace("_", "") for head, _, rest in heads}
    assert told.keys() == camel - {"verb"}


@BOTH
async def test_each_operation_has_its_own_answer(studio: Studio, plugin: HttpGate) -> None:
    studio.say = lambda one: {**YES, "annotations": {"seen": str(one["amountMinor"])}}
    few = tuple(msgspec.structs.replace(SPEND, amount_minor=number) for number in (1, 2))
    judged = await plugin.before_moves(here(studio, plugin), few)
    assert [one.annotations for one in judged.judgements] == [{"seen": "1"}, {"seen": "2"}]


async def test_a_veto_is_of_one_operation_and_in_the_servers_words(studio: Studio) -> None:
    studio.say = lambda one: VETO if one["amountMinor"] == 2 else YES
    few = tuple(msgspec.structs.replace(SPEND, amount_minor=number) for number in (1, 2, 3))
    judged = await GATE.before_moves(here(studio), few)
    no = Judgement(veto=Veto(code="vault_full", detail="Your vault is too full."))
    assert judged.judgements == (Judgement(), no, Judgement())
    with pytest.raises(NoAnswer, match="takes annotations only"):
        await NOTE.before_moves(here(studio, NOTE), few)


@BOTH
@pytest.mark.parametrize(
    "said",
    [
        YES,
        {},
        {"answers": []},
        {"answers": [YES, YES, YES]},
        {"answers": [YES, {"allow": False}]},
        {"answers": [YES, {"allow": True, "vetoed": True}]},
        {"answers": [YES, {**YES, **VETO}]},
        {"answers": [YES, YES], "more": 1},
        {"answers": [YES, {**YES, "annotations": {"a": "x" * 600_000}}]},
    ],
)
async def test_what_is_not_an_answer_to_each_is_none_at_all(
    studio: Studio, plugin: HttpGate, said: object
) -> None:
    studio.on("/may-move", lambda _: json_page(200, said))
    with pytest.raises(NoAnswer):
        await plugin.before_moves(here(studio, plugin), (SPEND, GRANT))


async def test_a_redirect_and_silence_are_no_answer(studio: Studio) -> None:
    studio.on("/may-move", lambda _: page(302, b"", f"location: https://{HOST}/other"))
    with pytest.raises(NoAnswer, match="302"):
        await GATE.before_moves(here(studio), (SPEND,))
    studio.on("/may-move", lambda _: b"")
    with pytest.raises(TimeoutError):
        await GATE.before_moves(here(studio, timeout_ms=100), (SPEND,))


async def test_more_than_the_core_sends_at_once_is_asked_in_parts_and_in_order(
    studio: Studio,
) -> None:
    studio.say = lambda one: {**YES, "annotations": {"seen": str(one["amountMinor"])}}
    words = {f"fact_{number}": "x" * 500 for number in range(4)}
    many = tuple(
        msgspec.structs.replace(SPEND, amount_minor=number, metadata=words)
        for number in range(1, 101)
    )
    judged = await GATE.before_moves(here(studio), many)
    assert [one.annotations["seen"] for one in judged.judgements] == [str(n) for n in range(1, 101)]
    assert 2 < len(studio.questions) < 10
    assert all(len(asked.body) <= MAX_QUESTION_BYTES for asked in studio.asked)
