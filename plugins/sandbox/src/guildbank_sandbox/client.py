"""Speaks HTTP to the sandbox provider: bounded in time and size, and it never guesses.

Only an answer that the provider certainly wrote is returned; everything else is an exception,
which the core takes for `unknown`.
"""

import asyncio
from typing import TypeVar
from weakref import WeakKeyDictionary

import httpx
import msgspec

from guildbank.plugin_api import Context
from guildbank_sandbox.wire import ErrorAnswer, ErrorBody

ObjectT = TypeVar("ObjectT", bound=msgspec.Struct)

MAX_ANSWER_BYTES = 256 * 1024
DEFAULT_TIMEOUT_SECONDS = 10


class SandboxUnreachable(Exception):
    """No answer came that says what happened."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a tenant configures."""

    base_url: str
    api_key: str
    webhook_secret: str
    timeout_seconds: int = DEFAULT_TIMEOUT_SECONDS


class Clients:
    """One pool of connections for each event loop, shared by all tenants and calls on it."""

    def __init__(self) -> None:
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    def current(self) -> httpx.AsyncClient:
        """Return the running loop's client, made on first use."""
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            client = self._clients[loop] = httpx.AsyncClient(
                limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
                follow_redirects=False,
                trust_env=False,
            )
        return client

    async def close(self) -> None:
        """Close the running loop's client; the next call makes a new one."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def settings_of(context: Context) -> Settings:
    """Return the tenant's settings; raises msgspec.ValidationError when they are not complete."""
    return msgspec.convert(dict(context.settings), Settings)


async def call(
    clients: Clients,
    settings: Settings,
    method: str,
    path: str,
    shape: type[ObjectT],
    *,
    body: dict[str, object] | None = None,
    query: dict[str, str] | None = None,
    idempotency_key: str | None = None,
) -> ObjectT | ErrorBody:
    """Return the provider's answer, or its reason for refusing (a 4xx with an error code).

    Raises SandboxUnreachable for everything that leaves open what happened: 5xx, 408, 429, bodies
    that are not the provider's; TimeoutError after the settings' time; httpx.HTTPError.
    """
    headers = {"Authorization": f"Bearer {settings.api_key}"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    content = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        content = msgspec.json.encode(body)
    url = settings.base_url.rstrip("/") + "/v1" + path
    async with (
        asyncio.timeout(settings.timeout_seconds),
        clients.current().stream(
            method,
            url,
            params=query,
            headers=headers,
            content=content,
            timeout=settings.timeout_seconds,
        ) as response,
    ):
        answer = await _read(response)
    return _understand(response.status_code, answer, shape)


async def _read(response: httpx.Response) -> bytes:
    answer = bytearray()
    async for chunk in response.aiter_bytes():
        answer += chunk
        if len(answer) > MAX_ANSWER_BYTES:
            raise SandboxUnreachable("the answer is too long")
    return bytes(answer)


def _understand(status: int, answer: bytes, shape: type[ObjectT]) -> ObjectT | ErrorBody:
    try:
        if status in {200, 201}:
            return msgspec.json.decode(answer, type=shape)
        if 400 <= status < 500 and status not in {408, 429}:
            return msgspec.json.decode(answer, type=ErrorAnswer).error
    except msgspec.DecodeError as error:
        raise SandboxUnreachable(f"status {status} with a body that is not ours") from error
    raise SandboxUnreachable(f"status {status}")
