"""What host and plugin say to each other: messages in msgpack, each behind its length.

Nothing that a plugin sends is trusted: a message has one of few forms and a greatest length, and
names a call that is under way, or the host ends the process.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import msgspec

from guildbank.plugin_api.history import PastPurchase
from guildbank.plugin_api.http import Method

MAX_FRAME = 4 * 1024 * 1024
"""More than the largest answer of the core's client, webhook or history takes."""
_LENGTH = 4


class Unframed(Exception):
    """What came is no message."""


class Call(msgspec.Struct, frozen=True, tag=True):
    """To the plugin: run a verb. `context` is that of its slot; each part is packed by itself."""

    id: int
    verb: str
    context: msgspec.Raw
    arguments: list[msgspec.Raw]


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """To the plugin: nobody waits for this call any more."""

    id: int


class Fetched(msgspec.Struct, frozen=True, tag=True):
    """To the plugin: what a request got; `problem` where it got no answer."""

    id: int
    status: int = 0
    headers: Mapping[str, str] = {}
    body: bytes = b""
    problem: str | None = None


class Told(msgspec.Struct, frozen=True, tag=True):
    """To the plugin: what a player bought; `problem` where the core cannot say."""

    id: int
    purchases: list[PastPurchase] = []
    problem: str | None = None


class Counted(msgspec.Struct, frozen=True, tag=True):
    """To the plugin: how many players share a device; `problem` where the core cannot say."""

    id: int
    players: int = 0
    problem: str | None = None


class Hello(msgspec.Struct, frozen=True, tag=True):
    """From the plugin: it is loaded. `verbs` are those that it has."""

    manifest: msgspec.Raw
    verbs: list[str]


class Broken(msgspec.Struct, frozen=True, tag=True):
    """From the plugin: it cannot be loaded."""

    problem: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """From the plugin: the answer to a call, of the kind that `kind` names.

    `cpu_seconds` is what the process has used in all, so that it can be replaced in time.
    """

    id: int
    kind: str
    value: msgspec.Raw
    cpu_seconds: float


class Failed(msgspec.Struct, frozen=True, tag=True):
    """From the plugin: a call raised."""

    id: int
    problem: str
    cpu_seconds: float


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """From the plugin: send a request for the call `call`."""

    id: int
    call: int
    method: Method
    url: str
    headers: Mapping[str, str] | None
    body: bytes | None


class Past(msgspec.Struct, frozen=True, tag=True):
    """From the plugin: say what a player bought, for the call `call`."""

    id: int
    call: int
    player_id: str
    since: datetime


class Sharers(msgspec.Struct, frozen=True, tag=True):
    """From the plugin: say how many others buy on a device, for the call `call`."""

    id: int
    call: int
    device: str
    player_id: str
    since: datetime


ToPlugin: TypeAlias = Call | Cancel | Fetched | Told | Counted
Question: TypeAlias = Fetch | Past | Sharers
FromPlugin: TypeAlias = Hello | Broken | Done | Failed | Question
AnswerOf: TypeAlias = Fetched | Told | Counted


def pack(message: ToPlugin | FromPlugin) -> bytes:
    """Return a message as it is sent; raises Unframed for one that is too long."""
    packed = msgspec.msgpack.encode(message)
    if len(packed) > MAX_FRAME:
        raise Unframed(f"a message of {len(packed)} bytes, and {MAX_FRAME} are the most")
    return len(packed).to_bytes(_LENGTH) + packed


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next message's bytes, None at the end; raises Unframed before it reads too much.

    A message that breaks off is the end too: whoever sent it is gone.
    """
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH))
        if length > MAX_FRAME:
            raise Unframed(f"a message of {length} bytes, and {MAX_FRAME} are the most")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
