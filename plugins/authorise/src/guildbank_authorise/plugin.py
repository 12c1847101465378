"""The plugin `authorise`: asks the game's own server whether a purchase may go on."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    LEAST_SECRET_BYTES,
    MOST_SECRET_BYTES,
    Annotated,
    BadSecret,
    Context,
    Manifest,
    NoAnswer,
    PurchaseView,
    SettingProblem,
    Veto,
    read_secrets,
    signed,
)
from guildbank_authorise.answer import read_answer
from guildbank_authorise.manifest import DEFAULT_TIMEOUT_MS, MANIFEST

KIND = "before_purchase"
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
        key = _key(settings.secret)
        if key is None:
            raise NoAnswer("the secret cannot sign")
        data = {"tenant": context.tenant, "mode": context.mode, **_facts(purchase)}
        body = msgspec.json.encode({"type": KIND, "timestamp": context.now, "data": data})
        headers = signed([key], new_id("msg"), context.now, body)
        async with asyncio.timeout(settings.timeout_ms / 1_000):
            answer = await context.http.send("POST", settings.url, headers=headers, body=body)
        return read_answer(answer)


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
