"""Follows a tenant's events, and posts them to a server under development as a webhook would."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import msgspec

from guildbank.app.client import Client, Refused
from guildbank.kernel import SystemClock
from guildbank.plugin_api.signing import signed

LOOK_SECONDS = 0.5
MAX_PAUSE_SECONDS = 15.0
POST_SECONDS = 10.0
VERSION = 1

_encoder = msgspec.json.Encoder(order="deterministic")


class Message(msgspec.Struct, frozen=True):
    """What the callback `webhook` posts of an event, in its version 1."""

    type: str
    timestamp: str
    version: int
    data: Mapping[str, Any]


class Forwarder:
    """Posts events to one address, signed by Standard Webhooks."""

    def __init__(self, url: str, keys: Sequence[bytes]) -> None:
        self._url, self._keys = url, keys
        self._http = httpx.Client(timeout=POST_SECONDS, trust_env=False)

    def post(self, event: Mapping[str, Any]) -> str:
        """Post an event once, and return what came of it for a person."""
        id_ = f"evt_{event['id'].split('_', 1)[1]}"
        body = _encoder.encode(Message(event["kind"], event["at"], VERSION, event["data"]))
        headers = signed(self._keys, id_, SystemClock().now(), body)
        try:
            answer = self._http.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return f"no answer ({type(error).__name__})"
        return f"{answer.status_code} {answer.reason_phrase}".rstrip()


def place_of_now(client: Client) -> str:
    """Return the cursor from which `follow` begins; raises Refused."""
    return str(client.get("/v1/events", start="now")["next"])


def follow(
    client: Client, cursor: str, kinds: Sequence[str], hidden: frozenset[str]
) -> Iterator[Any]:
    """Yield events as they happen, and a Refused for each time that the server did not answer.

    `kinds` are whole kinds, or beginnings such as `payments.*`; `hidden` are left out of those.
    Raises Refused where asking again cannot help.
    """
    pause = LOOK_SECONDS
    while True:
        try:
            page = client.get("/v1/events", after=cursor, limit=200)
        except Refused as refused:
            if 400 <= refused.status < 500 and refused.status != 429:
                raise
            yield refused
            pause = min(2 * pause, MAX_PAUSE_SECONDS)
            time.sleep(pause)
            continue
        cursor, pause = page["next"], LOOK_SECONDS
        for event in page["items"]:
            if _wanted(event["kind"], kinds, hidden):
                yield event
        if not page["items"]:
            time.sleep(LOOK_SECONDS)


def _wanted(kind: str, kinds: Sequence[str], hidden: frozenset[str]) -> bool:
    for one in kinds:
        if kind == one:
            return True
        if one.endswith(".*") and kind.startswith(one[:-1]):
            return kind not in hidden
    return False
