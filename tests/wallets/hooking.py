"""Hooks for the tests: plugins that say of a tenant's operations what a test tells them to."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
from tests.studio import Studio, done

from guildbank.plugin_api import (
    BEFORE_MOVES,
    Annotated,
    Context,
    Judged,
    Judgement,
    Manifest,
    MoveView,
    PurchaseView,
    Slot,
    Veto,
)

NO = Judgement(veto=Veto(code="vault_full", detail="Your vault is too full."))
YES = Judgement()
Judge = Callable[[MoveView], Judgement]


class Hook:
    """Lets all pass until a test says otherwise for its tenant, and remembers each question."""

    def __init__(self, id_: str, *, fail_closed: bool = True) -> None:
        self.manifest = Manifest(
            id=id_, version="1", slot=Slot.MIDDLEWARE, title="Hook", timeout_seconds=1,
            capabilities=frozenset({BEFORE_MOVES}), fail_closed=fail_closed,
            settings_schema={"type": "object", "additionalProperties": False},
        )  # fmt: skip
        self.asked: dict[str, list[tuple[MoveView, ...]]] = defaultdict(list)
        self.judge: dict[str, Judge] = {}
        self.first: dict[str, Callable[[], Awaitable[object]]] = {}

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        return Annotated()

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        self.asked[context.tenant].append(moves)
        if (first := self.first.get(context.tenant)) is not None:
            await first()
        judge = self.judge.get(context.tenant, lambda _: YES)
        return Judged(tuple(judge(one) for one in moves))


class OnlyPurchases(Hook):
    """A middleware that nobody asks about operations."""

    def __init__(self) -> None:
        super().__init__("purchases")
        self.manifest = Manifest(
            id="purchases", version="1", slot=Slot.MIDDLEWARE, title="Purchases",
            settings_schema={"type": "object", "additionalProperties": False},
        )  # fmt: skip


class Calls(Hook):
    """A hook that may call the game's server."""

    def __init__(self) -> None:
        super().__init__("calls")
        url = {"type": "string", "format": "uri"}
        self.manifest = msgspec.structs.replace(
            self.manifest, egress_hosts=("*",), settings_schema={
                "type": "object", "additionalProperties": False, "properties": {"url": url},
            },
        )  # fmt: skip


HOOK, NOTE, PURCHASES = Hook("hook"), Hook("note", fail_closed=False), OnlyPurchases()
CALLS = Calls()
PLUGINS = (("hook", HOOK), ("note", NOTE), ("purchases", PURCHASES), ("calls", CALLS))


def questions(studio: Studio, hook: Hook = HOOK) -> list[tuple[MoveView, ...]]:
    """Return what the hook was asked of the studio, call by call."""
    return hook.asked[studio.ref.slug]


def says(studio: Studio, judge: Judge | Judgement, hook: Hook = HOOK) -> None:
    """Let the hook say this of the studio's operations."""
    hook.judge[studio.ref.slug] = judge if callable(judge) else lambda _: judge


def fails(studio: Studio, hook: Hook = HOOK) -> None:
    """Let the hook have no answer for the studio."""

    async def away() -> None:
        raise ConnectionError("away")

    hook.first[studio.ref.slug] = away


def slow(studio: Studio, hook: Hook = HOOK) -> tuple[asyncio.Event, asyncio.Event]:
    """Let the hook wait; return what says that it was asked, and what lets it answer."""
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        asked.set()
        await go_on.wait()

    hook.first[studio.ref.slug] = wait
    return asked, go_on


async def save(studio: Studio, verb: str, *steps: str, slot: str = "before") -> httpx.Response:
    """Save a revision whose steps are these plugins, each called like it."""
    stages = {slot: [{"id": f"ask-{one}", "plugin": one} for one in steps]}
    return await studio.http.post(f"/v1/pipelines/{verb}/revisions", json={"stages": stages})


async def publish(studio: Studio, verb: str, number: int, **more: Any) -> None:
    body = {"revision": number, **more}
    done(await studio.http.post(f"/v1/pipelines/{verb}/publish", json=body))


async def hooked(studio: Studio, *steps: str, verb: str = "spend") -> None:
    """Let these plugins be asked about a verb from now on."""
    saved = done(await save(studio, verb, *steps or ("hook",)))
    await publish(studio, verb, saved["revision"])
