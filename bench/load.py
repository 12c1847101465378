"""The load: a process of its own that sends spends over keep-alive connections and times them.

Light on purpose, because it runs on the same cores as what it measures: one protocol object a
connection, requests put together from bytes made beforehand, one request in flight on each
connection, no HTTP library. Only loopback. Called as `python -m bench.load` with a Load as JSON
on its input; it prints a Told.
"""

import asyncio
import hmac
import random
import sys
from array import array
from hashlib import sha256
from time import perf_counter, time
from typing import cast

import msgspec
import uvloop

LOOPBACK = "127.0.0.1"
WARM_SECONDS = 0.5
PASSWORD = "three lamps sing at dawn"
"""Of everybody who signs in."""
_LENGTH = b"\r\ncontent-length: "
# A bulk call succeeds as a whole whatever became of its operations.
_REFUSED, _FAILED = b'"status":"refused"', b'"status":"failed"'


class Load(msgspec.Struct):
    """What to send: singles on `connections`, or calls of `bulk` operations on one, or sign-ins.

    Keys begin with `mark`, so no two loads of a run share one. `players` are drawn at random; those
    of `logins` are user names, whose sign-ins come from as many addresses. With a `path` its `body`
    is sent instead, a `form` or JSON, in which PLAYER stands for one of the players and NUMBER for
    what no other request has; with a `webhook_secret` it is signed as the sandbox provider signs.
    """

    port: int
    token: str
    players: list[str]
    mark: str
    connections: int = 1
    seconds: float = 2.0
    bulk: int = 0
    logins: bool = False
    path: str = ""
    body: str = ""
    form: bool = False
    webhook_secret: str = ""
    seed: int = 1


class Told(msgspec.Struct):
    """What came of it: answers counted after the warm-up, times in milliseconds.

    `operations` are those that succeeded; `failures` are answers of any status but 2xx.
    """

    operations: int
    failures: int
    seconds: float
    p50_ms: float
    p99_ms: float
    warm_seconds: float = 0.0
    first_failure: str = ""


class Requests:
    """Makes the bytes of the next request."""

    def __init__(self, load: Load) -> None:
        self._random = random.Random(load.seed)
        self._number = 0
        self._mark = load.mark.encode()
        kind = "x-www-form-urlencoded" if load.form else "json"
        common = (
            f" HTTP/1.1\r\nhost: {LOOPBACK}\r\nauthorization: Bearer {load.token}\r\n"
            f"content-type: application/{kind}\r\ncontent-length: "
        )
        path = load.path or ("/v1/operations:batch" if load.bulk else "/v1/spends")
        self._head = f"POST {path}{common}".encode()
        self._shaped = load.body.encode()
        self._players = [player.encode() for player in load.players]
        self._secret = load.webhook_secret.encode()
        self._bodies = [_body(player) for player in load.players]
        self._operations = load.bulk
        self._people = load.players if load.logins else []
        self._client_key = load.token.encode()

    def next(self) -> bytes:
        """Return one request with a key that no other has."""
        self._number += 1
        if self._operations:
            return self._bulk()
        if self._people:
            return self._login()
        if self._shaped:
            return self._shape()
        body = self._random.choice(self._bodies)
        return b"%b%d\r\nidempotency-key: %b-%d\r\n\r\n{%b}" % (
            self._head, len(body) + 2, self._mark, self._number, body,
        )  # fmt: skip

    def _shape(self) -> bytes:
        mark = b"%b-%d" % (self._mark, self._number)
        body = self._shaped.replace(b"NUMBER", mark)
        if self._players:
            body = body.replace(b"PLAYER", self._random.choice(self._players))
        more = b""
        if self._secret:
            stamp = b"%d" % int(time())
            sign = hmac.new(self._secret, stamp + b"." + body, sha256).hexdigest().encode()
            more = b"\r\nsandbox-signature: t=%b,v1=%b" % (stamp, sign)
        return b"%b%d\r\nidempotency-key: %b%b\r\n\r\n%b" % (
            self._head, len(body), mark, more, body,
        )  # fmt: skip

    def _login(self) -> bytes:
        # By turns: the tries of one account at the same time count as guesses until they succeed.
        name = self._people[self._number % len(self._people)]
        body = f'{{"username":"{name}","password":"{PASSWORD}"}}'.encode()
        # From an address of its own: one alone is not let in so often.
        address = f"198.18.{self._number >> 8 & 255}.{self._number & 255}".encode()
        return (
            b"POST /login HTTP/1.1\r\nhost: %b\r\nx-guildbank-key: %b\r\nx-forwarded-for: %b\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
        ) % (LOOPBACK.encode(), self._client_key, address, len(body), body)

    def _bulk(self) -> bytes:
        mark = b"%b-%d" % (self._mark, self._number)
        operations = b",".join(
            b'{"verb":"spend","key":"%b-%d",%b}' % (mark, at, self._random.choice(self._bodies))
            for at in range(self._operations)
        )
        body = b'{"mode":"each","operations":[%b]}' % operations
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)


def _body(player: str) -> bytes:
    return b'"playerId":"%b","currency":"GEM","amount":5' % player.encode()


class Times:
    """Takes the time of each answer once the warm-up is over."""

    def __init__(self, begin: float, per_answer: int) -> None:
        self._started = perf_counter()
        self.milliseconds = array("d")
        self.failures = 0
        self.first_failure = ""
        self._begin = begin
        self._per_answer = per_answer
        self.last = begin

    def take(self, sent: float, answer: bytes) -> None:
        """Count an answer: its status decides whether it is a success."""
        now = perf_counter()
        if answer[9:10] != b"2" or _REFUSED in answer or _FAILED in answer:
            self.failures += 1
            self.first_failure = self.first_failure or answer[:600].decode(errors="replace")
        elif sent >= self._begin:
            self.milliseconds.append(1000 * (now - sent))
            self.last = now

    def told(self) -> Told:
        """Return the sums."""
        times = sorted(self.milliseconds) or [0.0]
        return Told(
            operations=len(self.milliseconds) * self._per_answer,
            failures=self.failures,
            seconds=max(self.last - self._begin, 1e-9),
            p50_ms=times[len(times) // 2],
            p99_ms=times[min(len(times) - 1, len(times) * 99 // 100)],
            warm_seconds=self._begin - self._started,
            first_failure=self.first_failure,
        )


class Caller(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again until the time is over."""

    def __init__(self, requests: Requests, times: Times, end: float) -> None:
        self._requests, self._times, self._end = requests, times, end
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer = b""
        self._sent = 0.0
        self._whole = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop has transports of its own that only look like this one.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Gather the answer; when it is whole, go on."""
        self._answer = self._answer + data if self._answer else data
        if not self._whole:
            self._whole = _whole_length(self._answer)
        if self._whole and len(self._answer) >= self._whole:
            self._times.take(self._sent, self._answer)
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        """End; a connection that the server closed is a failure."""
        if not self.done.done():
            self._times.failures += 1
            self._times.first_failure = self._times.first_failure or f"closed: {error!r}"
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        if perf_counter() >= self._end:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._answer, self._whole = b"", 0
        request = self._requests.next()
        self._sent = perf_counter()
        self._transport.write(request)


def _whole_length(answer: bytes) -> int:
    """Return the bytes of head and body together, 0 while the head is not whole."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    at = answer.lower().find(_LENGTH, 0, end)
    if at < 0:
        raise ValueError("an answer without content-length")
    start = at + len(_LENGTH)
    return end + 4 + int(answer[start : answer.find(b"\r", start)])


async def run(load: Load) -> Told:
    """Send the load and return what came of it."""
    loop = asyncio.get_running_loop()
    began = perf_counter()
    requests = Requests(load)
    # A bulk call may be longer than the warm-up, so all of them count.
    times = Times(began if load.bulk else began + WARM_SECONDS, load.bulk or 1)
    end = began + WARM_SECONDS + load.seconds
    callers = []
    for _ in range(load.connections):
        _, caller = await loop.create_connection(
            lambda: Caller(requests, times, end), LOOPBACK, load.port
        )
        callers.append(caller)
    await asyncio.wait([caller.done for caller in callers], timeout=load.seconds + 30)
    return times.told()


def main() -> None:
    """Run the load that the input names."""
    load = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(load))))


if __name__ == "__main__":
    main()
