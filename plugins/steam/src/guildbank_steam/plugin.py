"""The plugin `steam`: tickets that a game's client gets from Steam for our web API.

Source: partner.steamgames.com, ISteamUserAuth/AuthenticateUserTicket and User Authentication and
Ownership (GetAuthTicketForWebApi).
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    ExternalIdentity,
    HttpAnswer,
    Manifest,
    NoAnswer,
    SignInContext,
    Verified,
)
from guildbank_steam.manifest import MANIFEST

ISSUER = "https://steamcommunity.com"
_URL = "https://partner.steam-api.com/ISteamUserAuth/AuthenticateUserTicket/v1/"
_TICKET = re.compile(r"(?:[0-9a-fA-F]{2}){16,2560}")
_STEAM_ID = re.compile(r"[0-9]{1,20}")
TICKET_LIFE = timedelta(days=30)
"""Steam does not say in its answer how long a ticket lives; a session's are over by then."""


class Params(msgspec.Struct, frozen=True):
    """What Steam says of a ticket that it believes."""

    result: str
    steamid: str
    ownersteamid: str
    vacbanned: bool = False
    publisherbanned: bool = False


class Response(msgspec.Struct, frozen=True):
    """One of both comes."""

    params: Params | None = None
    error: dict[str, Any] | None = None


class Envelope(msgspec.Struct, frozen=True):
    """Steam's answer."""

    response: Response


class Steam:
    """People of Steam: the assertion has the one field `ticket`, in hexadecimal."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        """Ask Steam whose ticket it is.

        Refusals: `bad_assertion`, `forged_assertion`, `account_barred`. Raises NoAnswer.
        """
        settings, ticket = context.settings, assertion.get("ticket", "")
        if not _TICKET.fullmatch(ticket):
            return _refuse("bad_assertion", "The ticket is not in hexadecimal, or too long.")
        query = urlencode(
            {
                "key": settings["publisher_key"],
                "appid": settings["app_id"],
                "ticket": ticket,
                "identity": settings["identity"],
            }
        )
        answer = await context.http.send("GET", f"{_URL}?{query}")
        response = _read(answer)
        if response.params is None or response.params.result != "OK":
            return _refuse("forged_assertion", "Steam does not believe this ticket.")
        barred = _bar(response.params, settings)
        if barred is not None:
            return barred
        return Verified(
            identity=ExternalIdentity(issuer=ISSUER, subject=response.params.steamid),
            once=sha256(bytes.fromhex(ticket)).hexdigest(),
            until=context.now + TICKET_LIFE,
        )


def _read(answer: HttpAnswer) -> Response:
    """Return Steam's word on the ticket; raises NoAnswer when it is on something else."""
    if answer.status != 200:
        raise NoAnswer(f"Steam answered {answer.status}")
    try:
        response = msgspec.json.decode(answer.body, type=Envelope).response
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise NoAnswer("Steam's answer cannot be read") from None
    if response.params is None and response.error is None:
        raise NoAnswer("Steam's answer says nothing of the ticket")
    if response.params is not None and not _STEAM_ID.fullmatch(response.params.steamid):
        raise NoAnswer("Steam's answer has no Steam id")
    return response


def _bar(params: Params, settings: Mapping[str, Any]) -> Refusal | None:
    if params.publisherbanned:
        return _refuse("account_barred", "You have banned this account from the game at Steam.")
    if params.vacbanned and settings.get("refuse_vac_banned", False):
        return _refuse("account_barred", "Steam has banned this account for cheating.")
    if params.ownersteamid != params.steamid and settings.get("refuse_borrowed", False):
        return _refuse("account_barred", "This account borrows the game from another one.")
    return None


def _refuse(code: str, detail: str) -> Refusal:
    return Refusal(code=code, detail=detail, field="ticket")


PLUGIN = Steam()
