"""One process of an installed plugin, as the host sees it: it is asked, believed little, and ended.

Whatever is amiss ends the process: a call that is not given up in time, bytes that are no message,
a message about no call. The next call starts another one.
"""

import asyncio
import contextlib
import os
import signal
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

import msgspec
import structlog

from guildbank.plugin_api import Manifest, NoAnswer
from guildbank.plugin_api.runner import (
    MAX_FRAME,
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
    Question,
    Sharers,
    Told,
    Unframed,
    Verb,
    pack,
    pack_context,
    read_frame,
)
from guildbank.plugin_host.words import secrets_in

log = structlog.get_logger(__name__)
MAX_CALLS = 64
"""Calls that one process is at; more are refused at once."""
MAX_ASKED = 32
"""Requests and histories that it waits for at once."""
START_SECONDS = 20.0
GIVE_UP_SECONDS = 1.0
"""How long a plugin may take to leave a call that nobody waits for any more."""
WORDS_BYTES = 64 * 1024
"""What it may print in a minute; then it waits, as it would for a full disk."""
LINE_BYTES = 8 * 1024
"""How much of a line is waited for before it is logged."""
MAX_SECRETS = 1_000
"""How many secrets are looked for in what it prints: the latest that it was given."""
_MINUTE = 60.0
_NONE = msgspec.Raw(msgspec.msgpack.encode(None))
_decoder = msgspec.msgpack.Decoder(FromPlugin)
_ANSWERS: Mapping[type, Any] = {Fetch: Fetched, Past: Told, Sharers: Counted}
"""By what is asked for."""


class PluginFailed(Exception):
    """A plugin gave no answer; the message is its own or says what became of its process."""


class _Call:
    __slots__ = ("answer", "context", "verb")

    def __init__(self, verb: Verb, context: Any) -> None:
        self.verb = verb
        self.context = context
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class PluginProcess:
    """A process that has said what it is. `cpu_seconds` is what it says that it has used.

    `idle` is set while no call is under way, once there was one. What it prints is logged without
    the secrets that it was given by a context, as its `manifest` names them.
    """

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, manifest: Manifest | None
    ) -> None:
        self.name = name
        self._manifest = manifest
        self._given: OrderedDict[str, None] = OrderedDict()
        self.cpu_seconds = 0.0
        self.ended: str | None = None
        self.ended_at = 0.0
        self._process = process
        self.idle = asyncio.Event()
        self._calls: dict[int, _Call] = {}
        self._left: set[int] = set()
        self._ids = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking = 0

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        environment: dict[str, str],
        manifest: Manifest | None = None,
    ) -> tuple["PluginProcess", Hello]:
        """Start one and wait until it is loaded; raises PluginFailed, and nothing is left then."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            cwd="/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self = cls(name, process, manifest)
        self._begin(self._read_words())
        try:
            async with asyncio.timeout(START_SECONDS):
                hello = await self._first()
        except TimeoutError:
            await self.end("it was not loaded in time")
            raise PluginFailed(f"{name} was not loaded in {START_SECONDS:g} seconds") from None
        except BaseException:
            await self.end("it was not loaded")
            raise
        self._begin(self._listen())
        return self, hello

    @property
    def busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self._calls)

    async def ask(self, name: str, verb: Verb, context: Any, arguments: Sequence[Any]) -> Any:
        """Return what the verb returns; raises PluginFailed.

        Whoever gives the call up has it canceled; a plugin that does not leave it is ended.
        """
        if self.ended is not None:
            raise PluginFailed(self.ended)
        if len(self._calls) >= MAX_CALLS:
            raise PluginFailed(f"{self.name} is at {MAX_CALLS} calls already")
        number, call = next(self._ids), _Call(verb, context)
        packed = _NONE if context is None else pack_context(context)
        parts = [msgspec.Raw(msgspec.msgpack.encode(one)) for one in arguments]
        try:
            message = pack(Call(number, name, packed, parts))
        except Unframed as large:
            raise PluginFailed(str(large)) from None
        self._calls[number] = call
        self._note_secrets(context)
        self.idle.clear()
        try:
            await self._send(message)
            return await call.answer
        except asyncio.CancelledError:
            if not call.answer.done() or call.answer.cancelled():
                self._left.add(number)
                self._begin(self._leave(number))
            raise
        finally:
            del self._calls[number]
            if not self._calls:
                self.idle.set()

    async def end(self, why: str) -> None:
        """End the process and all that it began, and wait for that."""
        self._kill(why)
        with contextlib.suppress(Exception):
            await self._process.wait()
        own = asyncio.current_task()
        for task in self._tasks - {own}:
            task.cancel()
        with contextlib.suppress(AttributeError):
            # The pipes of a process that is gone may be held open by what it left behind.
            self._process._transport.close()  # type: ignore[attr-defined]

    def _kill(self, why: str) -> None:
        if self.ended is None:
            self.ended = f"{self.name} was ended: {why}"
            self.ended_at = asyncio.get_running_loop().time()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(PluginFailed(self.ended))

    async def _first(self) -> Hello:
        assert self._process.stdout is not None
        try:
            frame = await read_frame(self._process.stdout)
            said = None if frame is None else _decoder.decode(frame)
        except (Unframed, msgspec.DecodeError) as error:
            raise PluginFailed(f"{self.name} began with no message: {error}") from None
        if isinstance(said, Hello):
            return said
        if isinstance(said, Broken):
            raise PluginFailed(f"{self.name} does not load: {said.problem}")
        code = await self._process.wait()
        raise PluginFailed(f"{self.name} ended while it was loaded (exit code {code})")

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        why = "it ended by itself"
        try:
            while (frame := await read_frame(self._process.stdout)) is not None:
                self._take(_decoder.decode(frame))
        except (Unframed, msgspec.DecodeError, LookupError) as error:
            why = f"it sent what is no message: {error}"
        if self.ended is None:
            log.warning("plugin_process_ended", plugin=self.name, why=why)
        await self.end(why)

    def _take(self, message: FromPlugin) -> None:
        """Do what a message says; raises LookupError and DecodeError for one that may not come."""
        if isinstance(message, Done | Failed):
            self.cpu_seconds = message.cpu_seconds
            if message.id in self._left:
                self._left.discard(message.id)
                return
            call = self._calls[message.id]
            if call.answer.done():
                return
            if isinstance(message, Failed):
                call.answer.set_exception(PluginFailed(message.problem))
                return
            call.answer.set_result(call.verb.unpack(message.kind, message.value))
        elif isinstance(message, Question):
            if message.call not in self._calls or self._asking >= MAX_ASKED:
                no = "The call is over, or too many requests are under way."
                self._begin(self._send(pack(_ANSWERS[type(message)](message.id, problem=no))))
                return
            self._asking += 1
            self._begin(self._answer(message, self._calls[message.call].context))
        else:
            raise LookupError(f"{type(message).__name__} where none may come")

    async def _answer(self, message: Question, context: Any) -> None:
        """Do for the plugin what only the core may do."""
        try:
            answer: AnswerOf
            if isinstance(message, Fetch):
                answer = await _fetch(message, context)
            else:
                answer = await _recall(message, context)
            await self._send(pack(answer))
        except Unframed:
            self._kill("what it asked for is larger than a message")
        finally:
            self._asking -= 1

    async def _send(self, packed: bytes) -> None:
        assert self._process.stdin is not None
        if self.ended is not None:
            return
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(packed)
            await self._process.stdin.drain()

    async def _leave(self, number: int) -> None:
        """Have a call given up; a plugin that cannot hear that any more is ended."""
        await self._send(pack(Cancel(number)))
        await asyncio.sleep(GIVE_UP_SECONDS)
        if number in self._left and self.ended is None:
            log.warning("plugin_process_ended", plugin=self.name, why="a call went on")
            await self.end("it did not leave a call in time")

    async def _read_words(self) -> None:
        """Log what the plugin prints, as slowly as it may."""
        assert self._process.stderr is not None
        loop, began, heard = asyncio.get_running_loop(), asyncio.get_running_loop().time(), 0
        rest = b""
        while words := await self._process.stderr.read(4_096):
            # Cleaned before it is cut, so that no secret is cut in two.
            said, rest = _whole_lines(self._cleaned(rest + words))
            self._log_words(said)
            heard += len(words)
            if heard >= WORDS_BYTES:
                await asyncio.sleep(max(0.0, began + _MINUTE - loop.time()))
                began, heard = loop.time(), 0
        self._log_words(rest)

    def _log_words(self, said: bytes) -> None:
        if said:
            log.info("plugin_said", plugin=self.name, words=said.decode(errors="replace"))

    def _cleaned(self, said: bytes) -> bytes:
        """Return the bytes with each secret replaced, the longest first: one may hold another."""
        for secret in sorted(self._given, key=len, reverse=True):
            said = said.replace(secret.encode(errors="replace"), b"***")
        return said

    def without_secrets(self, said: str) -> str:
        """Return words of the plugin with each secret that it was given replaced."""
        return self._cleaned(said.encode(errors="replace")).decode(errors="replace")

    def _note_secrets(self, context: Any) -> None:
        """Remember what this call tells it in secret, for what it may print."""
        if self._manifest is None or context is None:
            return
        for secret in secrets_in(self._manifest, context.settings):
            self._given[secret] = None
            self._given.move_to_end(secret)
        while len(self._given) > MAX_SECRETS:
            self._given.popitem(last=False)

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _whole_lines(said: bytes) -> tuple[bytes, bytes]:
    """Return the whole lines of what was said, and the rest, in which a secret may have begun.

    Of a line that comes to no end all but as much as a secret may have is taken for whole.
    """
    end = said.rfind(b"\n") + 1
    if end == 0 and len(said) > LINE_BYTES:
        end = len(said) - LINE_BYTES // 2
    return said[:end], said[end:]


async def _fetch(message: Fetch, context: Any) -> Fetched:
    try:
        got = await context.http.send(
            message.method, message.url, headers=message.headers, body=message.body
        )
    except NoAnswer as error:
        return Fetched(message.id, problem=str(error) or "no answer")
    except Exception as error:  # the client of a test may raise anything; the plugin is told
        return Fetched(message.id, problem=type(error).__name__)
    if len(got.body) > MAX_FRAME // 2:
        return Fetched(message.id, problem="The answer is too large.")
    return Fetched(message.id, got.status, dict(got.headers), got.body)


async def _recall(message: Past | Sharers, context: Any) -> Told | Counted:
    kind: type[Told | Counted] = Told if isinstance(message, Past) else Counted
    history = context.history
    try:
        if isinstance(message, Past):
            return Told(message.id, list(await history.purchases(message.player_id, message.since)))
        return Counted(
            message.id, await history.sharers(message.device, message.player_id, message.since)
        )
    except ValueError as error:
        return kind(message.id, problem=str(error))
    except Exception as error:  # a database that is away is no answer, which refuses
        return kind(message.id, problem=type(error).__name__)
