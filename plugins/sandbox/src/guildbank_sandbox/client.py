"""Speaks HTTP to the sandbox provider: bounded in time and size, and it never guesses.

Only an answer that the provider certainly wrote is returned; everything else is an exception,
which the core takes for `unknown`.
"""

import asyncio
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from guildbank.plugin_api import Context, HttpAnswer, Method
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


def settings_of(context: Context) -> Settings:
    """Return the tenant's settings; raises msgspec.ValidationError when they are not complete."""
    return msgspec.convert(dict(context.settings), Settings)


async def call(
    context: Context,
    method: Method,
    path: str,
    shape: type[ObjectT],
    *,
    body: dict[str, object] | None = None,
    query: dict[str, str] | None = None,
    idempotency_key: str | None = None,
) -> ObjectT | ErrorBody:
    """Return the provider's answer, or its reason for refusing (a 4xx with an error code).

    Raises SandboxUnreachable for everything that leaves open what happened: 5xx, 408, 429, bodies
    that are not the provider's; TimeoutError after the settings' time; NoAnswer.
    """
    settings = settings_of(context)
    headers = {"Authorization": f"Bearer {settings.api_key}"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    content = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        content = msgspec.json.encode(body)
    url = settings.base_url.rstrip("/") + "/v1" + path
    if query is not None:
        url += "?" + urlencode(query)
    async with asyncio.timeout(settings.timeout_seconds):
        answer = await context.http.send(method, url, headers=headers, body=content)
    return _understand(answer, shape)


def _understand(answer: HttpAnswer, shape: type[ObjectT]) -> ObjectT | ErrorBody:
    status = answer.status
    if len(answer.body) > MAX_ANSWER_BYTES:
        raise SandboxUnreachable("the answer is too long")
    try:
        if status in {200, 201}:
            return msgspec.json.decode(answer.body, type=shape)
        if 400 <= status < 500 and status not in {408, 429}:
            return msgspec.json.decode(answer.body, type=ErrorAnswer).error
    except msgspec.DecodeError as error:
        raise SandboxUnreachable(f"status {status} with a body that is not ours") from error
    raise SandboxUnreachable(f"status {status}")
