"""A sound gate in memory, from which the tests make unsound ones."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from guildbank.plugin_api import (
    Annotated,
    Context,
    HttpAnswer,
    Manifest,
    NoAnswer,
    PurchaseView,
    SettingProblem,
    Slot,
    Veto,
)
from guildbank.plugin_api.conformance import PURCHASE, GateRehearsal

UNSPOKEN = "said-aloud-here"
"""The secret setting. Some of these gates log it, so it is none of those that no log may show."""
HOST = "scores.example"
VETO = Veto(code="too_many_coins", detail="One purchase may buy at most 5000 coins.")
MANIFEST = Manifest(
    id="gatekeeper",
    version="1.0.0",
    slot=Slot.MIDDLEWARE,
    title="Gatekeeper",
    settings_schema={
        "type": "object",
        "additionalProperties": False,
        "properties": {"secret": {"type": "string"}, "most": {"type": "integer"}},
    },
    secret_fields=frozenset({"secret"}),
    egress_hosts=(HOST,),
    timeout_seconds=1,
)
Answer = Callable[["Gatekeeper", Context, PurchaseView], Awaitable[object]]


async def soundly(self: "Gatekeeper", context: Context, purchase: PurchaseView) -> object:
    answer = await context.http.send("GET", f"https://{HOST}/score")
    score = json.loads(answer.body)["score"] if answer.status == 200 else None
    if not isinstance(score, int):
        raise RuntimeError("no score came")
    if purchase.coins > context.settings["most"]:
        return VETO
    return Annotated(annotations={"score": str(score)})


CUT, ENDLESS, HUGE = "lacks", "Timeout", "more than"
"""What the client says of an answer that is cut off, comes to no end, or has megabytes."""


def said(word: str) -> Callable[[Exception], bool]:
    """Return whether an exception is of an answer that is wrong in this way."""
    return lambda error: isinstance(error, NoAnswer) and word in str(error)


class Gatekeeper:
    """A gate that answers as it is told."""

    said: ClassVar[Manifest] = MANIFEST

    def __init__(self, answer: Answer = soundly) -> None:
        self.answer = answer
        self.ready = ""
        self.asked: list[PurchaseView] = []

    @property
    def manifest(self) -> Manifest:
        return self.said

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        assert self.ready == context.tenant
        self.asked.append(purchase)
        return await self.answer(self, context, purchase)  # type: ignore[return-value]

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        most = settings.get("most")
        if isinstance(most, int) and most < 1:
            return [SettingProblem(field="most", detail="Nobody could buy anything.")]
        return []

    async def start(self, context: Context) -> None:
        self.ready = context.tenant

    def rehearsal(self) -> GateRehearsal:
        return GateRehearsal(vetoed=msgspec.structs.replace(PURCHASE, coins=5_001))


class Doorkeeper:
    """The same at the entry, which is asked by another verb."""

    manifest = msgspec.structs.replace(MANIFEST, slot=Slot.ENTRY)

    def __init__(self) -> None:
        self.asked: list[PurchaseView] = []

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.asked.append(purchase)
        return await soundly(Gatekeeper(), context, purchase)  # type: ignore[return-value]


class Scores:
    """The network of the rehearsal, in which the peer is there."""

    async def send(self, method, url, *, headers=None, body=None) -> HttpAnswer:
        return HttpAnswer(status=200, headers={}, body=b'{"score": 7}')


def context(**settings: object) -> Context:
    return Context(
        tenant="demo",
        mode="test",
        settings={"secret": UNSPOKEN, "most": 5_000, **settings},
        now=datetime(2026, 11, 26, tzinfo=UTC),
        webhook_url="http://127.0.0.1/hook",
        http=Scores(),
    )
