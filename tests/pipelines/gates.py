"""Gates for the tests: each is another plugin, lets all pass, and does as it is told."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from guildbank.plugin_api import (
    Annotated,
    Context,
    Manifest,
    PurchaseView,
    SettingProblem,
    Slot,
    Veto,
)

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"veto": {"type": "boolean"}, "word": {"type": "string", "maxLength": 9}},
}


class Gate:
    """Vetoes where its settings say so, and remembers what it was asked."""

    def __init__(self, id_: str = "gate", slot: Slot = Slot.MIDDLEWARE, **more: Any) -> None:
        self.manifest = Manifest(
            id=id_, version="1", slot=slot, title="Gate", timeout_seconds=1,
            settings_schema=SCHEMA, **more,
        )  # fmt: skip
        self.seen: list[tuple[Mapping[str, Any], PurchaseView]] = []
        self.broken: Exception | None = None
        self.sick = self.hangs = False
        self.starts: list[tuple[str, Any]] = []

    async def start(self, context: Context) -> None:
        self.starts.append((context.tenant, context.settings.get("word")))
        if self.hangs:
            await asyncio.Event().wait()
        if self.broken is not None:
            raise self.broken

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        if self.sick:
            raise RuntimeError("no dictionary")
        if settings.get("word") == "rude":
            return [SettingProblem(field="word", detail="is rude")]
        return []

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.seen.append((context.settings, purchase))
        if context.settings.get("veto"):
            return Veto(code="not_today", detail="Come back tomorrow.")
        return Annotated(annotations={"word": str(context.settings.get("word", "none"))})

    before_provider = admit


ASKING = {
    "type": "object",
    "additionalProperties": False,
    "required": ["url", "token"],
    "properties": {
        "url": {"type": "string", "format": "uri"},
        "token": {"type": "string", "minLength": 8},
        "word": {"type": "string"},
    },
}


class Asking(Gate):
    """A gate that would send its token to its address."""

    def __init__(self, slot: Slot = Slot.MIDDLEWARE) -> None:
        super().__init__("asking", slot)
        self.manifest = Manifest(
            id="asking", version="1", slot=slot, title="Asking", settings_schema=ASKING,
            secret_fields=frozenset({"token"}), egress_hosts=("*",), timeout_seconds=1,
        )  # fmt: skip
        self.tokens: list[tuple[str, str]] = []

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.tokens.append((context.settings["url"], context.settings["token"]))
        return Annotated()

    before_provider = admit
