"""The plugin's side of the wall: loads it, runs what the host calls, asks the host for the rest.

A plugin owns its process, so nothing here protects the host: that is for the wall, and for what the
host believes of the messages that come out.
"""

import asyncio
import inspect
import os
import resource
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from itertools import count
from typing import Any

import msgspec

from guildbank.plugin_api.conformance.contracts import Rehearsal
from guildbank.plugin_api.history import PastPurchase
from guildbank.plugin_api.http import HttpAnswer, Method, NoAnswer
from guildbank.plugin_api.manifest import Manifest
from guildbank.plugin_api.runner.frames import (
    AnswerOf,
    Broken,
    Call,
    Cancel,
    Counted,
    Done,
    Failed,
    Fetch,
    Fetched,
    FromPlugin,
    Hello,
    Past,
    Sharers,
    Told,
    ToPlugin,
    pack,
    read_frame,
)
from guildbank.plugin_api.runner.rehearsed import done_by, tell
from guildbank.plugin_api.runner.verbs import unpack_context, verbs_of

MAX_PROBLEM = 500
_decoder = msgspec.msgpack.Decoder(ToPlugin)


def load(place: str) -> object:
    """Return what an entry point such as `package.module:PLUGIN` names; raises what that raises."""
    module, _, path = place.partition(":")
    found: object = import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


def describe(plugin: Any) -> Hello:
    """Return what a plugin says of itself; raises TypeError for what has no manifest."""
    manifest = plugin.manifest
    if not isinstance(manifest, Manifest):
        raise TypeError("its manifest is not a Manifest")
    verbs = [name for name in verbs_of(manifest.slot) if callable(getattr(plugin, name, None))]
    return Hello(msgspec.Raw(msgspec.msgpack.encode(manifest)), verbs)


class Inside:
    """One plugin, and the calls that it is at."""

    def __init__(self, plugin: Any, writer: asyncio.StreamWriter) -> None:
        self._plugin = plugin
        self._verbs = verbs_of(plugin.manifest.slot)
        self._writer = writer
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._asked: dict[int, asyncio.Future[AnswerOf]] = {}
        self._ids = count(1)

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Do what the host says until it goes."""
        while (frame := await read_frame(reader)) is not None:
            message = _decoder.decode(frame)
            if isinstance(message, Call):
                self._calls[message.id] = asyncio.create_task(self._run(message))
            elif isinstance(message, Cancel):
                if (task := self._calls.get(message.id)) is not None:
                    task.cancel()
            elif (waiting := self._asked.get(message.id)) is not None and not waiting.done():
                waiting.set_result(message)

    async def ask(self, make: "type[Fetch | Past | Sharers]", *facts: Any) -> AnswerOf:
        """Ask the host for something and wait for it."""
        number = next(self._ids)
        future: asyncio.Future[AnswerOf] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            await self._send(make(number, *facts))
            return await future
        finally:
            del self._asked[number]

    async def _run(self, call: Call) -> None:
        try:
            await self._send(await self._answer(call))
        except asyncio.CancelledError:
            await self._send(Failed(call.id, "canceled", _cpu_seconds()))
        except Exception as error:  # whatever a plugin raises is told to the host
            said = f"{error}" or type(error).__name__
            await self._send(Failed(call.id, said[:MAX_PROBLEM], _cpu_seconds()))
        finally:
            del self._calls[call.id]

    async def _answer(self, call: Call) -> Done:
        verb = self._verbs[call.verb]
        given: list[Any] = [
            msgspec.msgpack.decode(packed, type=kind)
            for packed, kind in zip(call.arguments, verb.arguments, strict=True)
        ]
        if verb.context is not None:
            http, history = _Http(self, call.id), _History(self, call.id)
            given.insert(0, unpack_context(verb.context, call.context, http, history))
        result = done_by(self._plugin, call.verb)(*given)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, Rehearsal):
            result = tell(result)
        kind = verb.kind_of(result)
        if kind is None:
            raise TypeError(f"{call.verb} answered {type(result).__name__}")
        packed = msgspec.Raw(msgspec.msgpack.encode(result))
        return Done(call.id, kind, packed, _cpu_seconds())

    async def _send(self, message: FromPlugin) -> None:
        self._writer.write(pack(message))
        await self._writer.drain()


class _Http:
    """The core's client, on the other side."""

    def __init__(self, inside: Inside, call: int) -> None:
        self._inside = inside
        self._call = call

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        """Have the host send one request; raises NoAnswer."""
        got = await self._inside.ask(Fetch, self._call, method, url, headers, body)
        if not isinstance(got, Fetched) or got.problem is not None:
            raise NoAnswer(getattr(got, "problem", None) or "no answer")
        return HttpAnswer(status=got.status, headers=got.headers, body=got.body)


class _History:
    """What players bought, on the other side."""

    def __init__(self, inside: Inside, call: int) -> None:
        self._inside = inside
        self._call = call

    async def purchases(self, player_id: str, since: datetime) -> Sequence[PastPurchase]:
        """Return those recorded since then; raises ValueError as the host does."""
        got = await self._inside.ask(Past, self._call, player_id, since)
        if not isinstance(got, Told) or got.problem is not None:
            raise ValueError(getattr(got, "problem", None) or "no answer")
        return got.purchases

    async def sharers(self, device: str, player_id: str, since: datetime) -> int:
        """Return how many others buy on a device; raises ValueError as the host does."""
        got = await self._inside.ask(Sharers, self._call, device, player_id, since)
        if not isinstance(got, Counted) or got.problem is not None:
            raise ValueError(getattr(got, "problem", None) or "no answer")
        return got.players


def run(place: str, host_in: int, host_out: int) -> None:
    """Load the plugin and serve it until the host goes."""
    asyncio.run(_serve(place, host_in, host_out))


async def _serve(place: str, host_in: int, host_out: int) -> None:
    reader, writer = await _streams(host_in, host_out)
    try:
        plugin: Any = load(place)
        hello: FromPlugin = describe(plugin)
    except Exception as error:  # whatever its import raises, the host says so
        problem = f"{type(error).__name__}: {error}"[:MAX_PROBLEM]
        writer.write(pack(Broken(problem)))
        await writer.drain()
        return
    writer.write(pack(hello))
    await writer.drain()
    serving: Coroutine[Any, Any, None] = Inside(plugin, writer).serve(reader)
    await serving
    # Threads of the plugin's may run on; nobody waits for them.
    os._exit(0)


async def _streams(
    host_in: int, host_out: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: protocol, os.fdopen(host_in, "rb", 0))
    transport, flow = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop), os.fdopen(host_out, "wb", 0)
    )
    return reader, asyncio.StreamWriter(transport, flow, None, loop)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
