"""The plugins `http_gate` and `http_note`: a step that is a server of the tenant's own."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Annotated,
    BadSecret,
    Context,
    HttpAnswer,
    Judged,
    Judgement,
    Manifest,
    MoveView,
    NoAnswer,
    PurchaseView,
    SettingProblem,
    Veto,
    in_parts,
    read_secrets,
    signed,
)
from guildbank_remote.answer import read_answer, read_answers
from guildbank_remote.manifest import DEFAULT_TIMEOUT_MS, GATE_MANIFEST, NOTE_MANIFEST
from guildbank_remote.question import TEST_KIND, question_of, question_of_moves, test_of

MAX_QUESTION_BYTES = 60_000
"""The core sends little more at once: what is longer is asked in parts."""


ONLY_NOTES = "it vetoes, and this step takes annotations only"


class Settings(msgspec.Struct, frozen=True):
    """Whom to ask in which form, how it is signed, and for how long an answer is waited for."""

    url: str
    secrets: str
    timeout_ms: int = DEFAULT_TIMEOUT_MS
    version: int = 1


class HttpGate:
    """Admits a purchase by the word of the tenant's server. No answer is a no."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return GATE_MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the secrets, without showing them."""
        secrets = settings.get("secrets")
        if not isinstance(secrets, str):
            return [SettingProblem(field="secrets", detail="It is no text.")]
        try:
            read_secrets(secrets)
        except BadSecret as why:
            return [SettingProblem(field="secrets", detail=str(why))]
        return []

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Return the server's word; raises NoAnswer and TimeoutError where it says nothing."""
        settings = _read(context)
        body = question_of(context, purchase, settings.version)
        async with asyncio.timeout(settings.timeout_ms / 1_000):
            return read_answer(await _send(context, settings, body))

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        """Return the server's word on each operation; raises alike where it says nothing."""
        settings = _read(context)
        judgements: list[Judgement] = []
        async with asyncio.timeout(settings.timeout_ms / 1_000):
            for part, body in in_parts(
                moves, partial(question_of_moves, context, settings.version), MAX_QUESTION_BYTES
            ):
                judgements += read_answers(await _send(context, settings, body), len(part))
        return Judged(tuple(judgements))

    async def test_connection(self, context: Context) -> str:
        """Send a question of a kind that asks nothing, signed as all are; 200 says it is there."""
        settings = _read(context)
        async with asyncio.timeout(settings.timeout_ms / 1_000):
            answer = await _send(context, settings, test_of(context, settings.version))
        if answer.status != 200:
            raise NoAnswer(f"it answered {answer.status} to a question of the type {TEST_KIND}")
        return f"The server answered 200 to a question of the type {TEST_KIND}."


class HttpNote(HttpGate):
    """Takes the annotations of the tenant's server, and goes on without where there are none."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest, which says that silence refuses nothing."""
        return NOTE_MANIFEST

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated:
        """Return the server's annotations; a veto is no answer here, and raises NoAnswer too."""
        said = await super().before_provider(context, purchase)
        if isinstance(said, Veto):
            raise NoAnswer(ONLY_NOTES)
        return said

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        """Return the server's annotations; one veto makes all of it no answer."""
        judged = await super().before_moves(context, moves)
        if any(one.veto is not None for one in judged.judgements):
            raise NoAnswer(ONLY_NOTES)
        return judged


def _read(context: Context) -> Settings:
    return msgspec.convert(dict(context.settings), Settings)


async def _send(context: Context, settings: Settings, body: bytes) -> HttpAnswer:
    # The same question about a payment has an id of its own each time that it is asked.
    headers = signed(read_secrets(settings.secrets), new_id("msg"), context.now, body)
    return await context.http.send("POST", settings.url, headers=headers, body=body)


GATE, NOTE = HttpGate(), HttpNote()
"""What the entry points name."""
