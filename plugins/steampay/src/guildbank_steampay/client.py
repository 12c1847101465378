"""Calls of Steam's web API by the core's client: a parameter list there, a result or an error back.

Source: https://partner.steamgames.com/doc/webapi/ISteamMicroTxn . The key goes in the header that
Valve documents, so that no address bears it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import urlencode

import msgspec

from guildbank.plugin_api import Context, HttpAnswer
from guildbank_steampay.settings import Settings

VERSIONS = {
    "GetUserInfo": 2,
    "InitTxn": 3,
    "QueryTxn": 3,
    "FinalizeTxn": 2,
    "RefundTxn": 2,
    "GetReport": 5,
}
Verb = Literal["GetUserInfo", "InitTxn", "QueryTxn", "FinalizeTxn", "RefundTxn", "GetReport"]
_WRITES = frozenset({"InitTxn", "FinalizeTxn", "RefundTxn"})


class SteamFailed(RuntimeError):
    """Steam did not do what it was asked, and did not refuse it either."""


class Refused(msgspec.Struct, frozen=True):
    """Steam's no to this very request."""

    code: int


class _Error(msgspec.Struct, frozen=True):
    errorcode: int


class _Response(msgspec.Struct, frozen=True):
    result: str
    params: msgspec.Raw = msgspec.Raw(b"{}")
    error: _Error | None = None


class _Envelope(msgspec.Struct, frozen=True):
    response: _Response


_ENVELOPES = msgspec.json.Decoder(_Envelope, strict=False)


class Client:
    """One call's way to Steam."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self._context = context
        self.settings = settings

    @property
    def now(self) -> datetime:
        """The time of this call."""
        return self._context.now

    async def ask(self, verb: Verb, parameters: Mapping[str, str]) -> msgspec.Raw | Refused:
        """Return what Steam answers. Raises SteamFailed, NoAnswer: then nothing is certain."""
        url = f"{self.settings.base}/{verb}/v{VERSIONS[verb]}/"
        form = urlencode({"appid": self.settings.app_id, **parameters, "format": "json"})
        headers = {"x-webapi-key": self.settings.publisher_key}
        if verb in _WRITES:
            headers["content-type"] = "application/x-www-form-urlencoded"
            answer = await self._context.http.send("POST", url, headers=headers, body=form.encode())
        else:
            answer = await self._context.http.send("GET", f"{url}?{form}", headers=headers)
        return _read(verb, answer)


def _read(verb: Verb, answer: HttpAnswer) -> msgspec.Raw | Refused:
    if answer.status in (401, 403):
        raise SteamFailed("Steam does not take the key for this game, or from this address")
    if answer.status != 200:
        raise SteamFailed(f"Steam answered {verb} with {answer.status}")
    try:
        response = _ENVELOPES.decode(answer.body).response
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise SteamFailed(f"Steam's answer to {verb} cannot be read") from None
    if response.result == "OK":
        return response.params
    if response.result == "Failure" and response.error is not None:
        return Refused(response.error.errorcode)
    raise SteamFailed(f"Steam's answer to {verb} has neither result nor error")
