"""The plugin `authorise`: asks the game's own server whether a purchase or operation may go on."""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    LEAST_SECRET_BYTES,
    MOST_SECRET_BYTES,
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
from guildbank_authorise.answer import read_answer, read_answers
from guildbank_authorise.manifest import DEFAULT_TIMEOUT_MS, MANIFEST

KIND, TEST_KIND = "before_purchase", "connection_test"
"""Of operations it is `before_spend`, `before_grant` or `before_transfer`."""
MAX_QUESTION_BYTES = 60_000
"""The core sends little more at once: what is longer is asked in parts."""
BAD_SECRET = SettingProblem(
    field="secret",
    detail=f"It is not whsec_ and {LEAST_SECRET_BYTES} to {MOST_SECRET_BYTES} bytes in base64.",
)


class Settings(msgspec.Struct, frozen=True):
    """Whom to ask, by which secret, and for how long."""

    url: str
    secret: str
    timeout_ms: int = DEFAULT_TIMEOUT_MS


class Authorise:
    """Sends the purchase to the game's server and takes its word. No answer is a no."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def check_settings(self, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        """Return what is wrong with the settings: a secret that signs nothing."""
        try:
            secret = _read(settings).secret
        except (msgspec.ValidationError, UnicodeError):
            detail = "The settings do not fit the schema: an address, a secret and whole numbers."
            return [SettingProblem(field="url", detail=detail)]
        return [BAD_SECRET] if _key(secret) is None else []

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        """Return the server's word: notes, or a veto with its code or `game_refused`.

        Raises NoAnswer and TimeoutError where it says nothing that can be read in time.
        """
        settings = _read(context.settings)
        body = _body(context, KIND, _facts(purchase))
        async with asyncio.timeout(settings.timeout_ms / 1_000):
            return read_answer(await _send(context, settings, body))

    async def before_moves(self, context: Context, moves: tuple[MoveView, ...]) -> Judged:
        """Return the server's word on each operation; raises alike where it says nothing."""
        settings = _read(context.settings)
        judgements: list[Judgement] = []
        async with asyncio.timeout(settings.timeout_ms / 1_000):
            for part, body in in_parts(moves, partial(_body_of_moves, context), MAX_QUESTION_BYTES):
                judgements += read_answers(await _send(context, settings, body), len(part))
        return Judged(tuple(judgements))

    async def test_connection(self, context: Context) -> str:
        """Send a question of a kind that asks nothing, signed as all are; 200 says it is there."""
        settings = _read(context.settings)
        body = _body(context, TEST_KIND, {"test": True})
        async with asyncio.timeout(settings.timeout_ms / 1_000):
            answer = await _send(context, settings, body)
        if answer.status != 200:
            raise NoAnswer(f"it answered {answer.status} to a question of the type {TEST_KIND}")
        return f"The server answered 200 to a question of the type {TEST_KIND}."


async def _send(context: Context, settings: Settings, body: bytes) -> HttpAnswer:
    key = _key(settings.secret)
    if key is None:
        raise NoAnswer("the secret cannot sign")
    headers = signed([key], new_id("msg"), context.now, body)
    return await context.http.send("POST", settings.url, headers=headers, body=body)


def _body(context: Context, kind: str, facts: Mapping[str, object]) -> bytes:
    data = {"tenant": context.tenant, "mode": context.mode, **facts}
    return msgspec.json.encode({"type": kind, "timestamp": context.now, "data": data})


def _body_of_moves(context: Context, moves: Sequence[MoveView]) -> bytes:
    operations = [_facts_of_move(one) for one in moves]
    return _body(context, f"before_{moves[0].verb}", {"operations": operations})


def _facts_of_move(move: MoveView) -> dict[str, object]:
    return {
        "players": move.players,
        "amounts": move.amounts,
        "currency": move.currency,
        "amountMinor": move.amount_minor,
        "held": move.held,
        "by": move.by,
        "reference": move.reference,
        "metadata": move.metadata,
        "legs": [
            {
                "from": leg.source,
                "to": leg.to,
                "currency": leg.currency,
                "amountMinor": leg.amount_minor,
            }
            for leg in move.legs
        ],
        "annotations": move.annotations,
    }


def _facts(purchase: PurchaseView) -> dict[str, object]:
    return {
        "paymentId": purchase.payment_id,
        "playerId": purchase.player_id,
        "purpose": purchase.purpose,
        "provider": purchase.provider,
        "productId": purchase.product_id,
        "amountMinor": purchase.amount_minor,
        "currency": purchase.currency,
        "gameCurrency": purchase.game_currency,
        "coins": purchase.coins,
        "bonus": purchase.bonus,
        "country": purchase.country,
        "platform": purchase.platform,
        "annotations": purchase.annotations,
    }


def _key(secret: str) -> bytes | None:
    """Return the key of the one secret, None where it is none or more than one."""
    try:
        keys = read_secrets(secret)
    except BadSecret:
        return None
    return keys[0] if len(keys) == 1 else None


def _read(settings: Mapping[str, Any]) -> Settings:
    return msgspec.convert(dict(settings), Settings)


PLUGIN = Authorise()
