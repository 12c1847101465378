"""Taking money: an order that the player approves in Steam, and its end by a confirmation."""

import re
from datetime import timedelta
from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec

from guildbank.kernel import made_at
from guildbank.plugin_api import (
    Confirmation,
    Context,
    Decline,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    Payer,
    PaymentRequest,
    never_arrived,
)
from guildbank_steampay.amounts import NotExpressible, to_steam
from guildbank_steampay.client import Client, Refused, SteamFailed
from guildbank_steampay.errors import declined, row_of
from guildbank_steampay.orders import order_id_of, outcome_of, query, waiting

T = TypeVar("T")
IN_GAME, WEB = "client", "web"
_STEAM_ID = re.compile(r"7656119[0-9]{10}")
_IPV4 = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}")
_MOST = 2**32 - 1
"""The price is the item's number at Steam, which has 32 bits."""
_LONGEST_NAME = 128
_FORGOTTEN_AFTER = timedelta(hours=24)


class _User(msgspec.Struct, frozen=True):
    currency: str
    status: str = ""


class _Made(msgspec.Struct, frozen=True):
    transid: str
    steamurl: str | None = None


async def create(client: Client, request: PaymentRequest) -> Outcome:
    """Make an order. It takes no money by itself: the player approves it, we finish it.

    Steam is asked first in which currency the player's wallet is: it would convert the price, and
    another money than the payment's could not be credited.
    """
    try:
        hundredths = to_steam(request.amount_minor, request.currency)
    except NotExpressible as error:
        return declined("amount_not_taken", Decline.AMOUNT_NOT_SUPPORTED, str(error))
    if request.amount_minor > _MOST:
        told = "Steam is not asked for so much at once."
        return declined("amount_too_large", Decline.AMOUNT_NOT_SUPPORTED, told)
    if request.method not in (None, IN_GAME, WEB):
        told = f"Steam is asked for the methods {IN_GAME} and {WEB} only."
        return declined("unknown_method", Decline.METHOD_NOT_SUPPORTED, told)
    payer = request.payer or Payer()
    if not _STEAM_ID.fullmatch(payer.subject or ""):
        told = (
            "Which Steam account pays is not known: let the player sign in with Steam, or name it."
        )
        return declined("payer_unknown", Decline.METHOD_NOT_SUPPORTED, told)
    if request.method == WEB and not _IPV4.fullmatch(payer.address or ""):
        told = "For Steam's page the player's IPv4 address has to be known."
        return declined("address_unknown", Decline.METHOD_NOT_SUPPORTED, told)
    refusal = await _ask_about(client, request, payer)
    if refusal is not None:
        return await _unless_there(client, request, refusal)
    said = await client.ask("InitTxn", _order(client, request, payer, hundredths))
    if isinstance(said, Refused):
        return await _unless_there(client, request, _no(said))
    made = _decoded(said, _Made)
    order_id = order_id_of(request.attempt_id)
    page = _page(client, request, made.steamurl) if request.method == WEB else None
    return waiting(order_id, made.transid, page)


async def fetch(
    client: Client, context: Context, attempt_id: str, reference: str | None
) -> Outcome:
    """Say how a payment stands. A look never takes money: Valve wants orders that the player did
    not come back from to be left alone.
    """
    order = await query(client, attempt_id)
    if order is None:
        return _gone(context, attempt_id, reference)
    return outcome_of(order, known=reference is not None)


async def cancel(
    client: Client, context: Context, attempt_id: str, reference: str | None
) -> Outcome:
    """Say that an order is over which nobody finished: none but our own call takes its money."""
    order = await query(client, attempt_id)
    if order is None:
        return _gone(context, attempt_id, reference)
    if order.is_paid:
        return outcome_of(order, known=True)
    return Outcome(status=OutcomeStatus.CANCELED, reference=order.orderid, code="not_finished")


async def confirm(client: Client, given: Confirmation) -> Outcome | NotConfirmed:
    """Say that the order can be finished, if Steam says that the player approved it.

    What the game's client was told is no more than a reason to ask: its flag is not read.
    """
    order_id = order_id_of(given.request.attempt_id)
    other = next((name for name in given.data if name not in ("order_id", "authorized")), None)
    if other is not None:
        detail = "Give order_id and authorized as Steam's callback has them, and nothing else."
        return NotConfirmed(code="unknown_field", detail=detail, field=other)
    if given.data.get("order_id") != order_id:
        detail = "Give the order_id of Steam's callback; it is not this payment's."
        return NotConfirmed(code="wrong_order", detail=detail, field="order_id")
    attempt_id = given.request.attempt_id
    order = await query(client, attempt_id)
    if order is None:
        raise SteamFailed("Steam does not show the order that is confirmed")
    if order.status != "Approved":
        return outcome_of(order, known=True)
    return Outcome(status=OutcomeStatus.PENDING, reference=order_id, code="approved", approved=True)


async def capture(
    client: Client, context: Context, attempt_id: str, reference: str | None
) -> Outcome:
    """Finish an order that the player approved: Steam takes its money by this call alone."""
    order = await query(client, attempt_id)
    if order is None:
        return _gone(context, attempt_id, reference)
    if order.status != "Approved":
        return outcome_of(order, known=True)
    said = await client.ask("FinalizeTxn", {"orderid": order_id_of(attempt_id)})
    finished = await query(client, attempt_id) or order
    if finished.is_paid or not isinstance(said, Refused):
        return outcome_of(finished, known=True)
    return _no(said)


async def _ask_about(client: Client, request: PaymentRequest, payer: Payer) -> Outcome | None:
    """Return why the player's wallet cannot pay, None where it can."""
    said = await client.ask("GetUserInfo", _who(payer, request))
    if isinstance(said, Refused):
        return _no(said)
    user = _decoded(said, _User)
    if user.status.lower().startswith("locked"):
        return declined("locked", Decline.DECLINED, "Steam lets this account buy nothing.")
    if user.currency != request.currency:
        told = f"The player's wallet is in {user.currency[:3]}: ask for a price in it."
        return declined("wrong_currency", Decline.CURRENCY_NOT_SUPPORTED, told)
    return None


async def _unless_there(client: Client, request: PaymentRequest, refusal: Outcome) -> Outcome:
    """Return a refusal, but of an order that an earlier try made how it stands."""
    order = await query(client, request.attempt_id)
    return refusal if order is None else outcome_of(order, known=False)


def _no(said: Refused) -> Outcome:
    """Return the decline that a code stands for. Raises SteamFailed where it is none."""
    row = row_of(said.code)
    if row.decline is None:
        raise SteamFailed(f"Steam: {row.word}. {row.told}")
    return declined(row.word, row.decline, row.told)


def _gone(context: Context, attempt_id: str, reference: str | None) -> Outcome:
    """Say that Steam has no such order, as far as that is certain.

    One that it had shown is believed to be gone after a day: the settings may lead to another game
    for the moment.
    """
    if reference is None:
        return never_arrived(attempt_id, context.now, "Steam")
    if context.now - made_at(attempt_id) < _FORGOTTEN_AFTER:
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    return Outcome(
        status=OutcomeStatus.CANCELED, reference=reference, code="expired", decline=Decline.EXPIRED
    )


def _who(payer: Payer, request: PaymentRequest) -> dict[str, str]:
    who = {"steamid": payer.subject or ""}
    return {**who, "ipaddress": payer.address or ""} if request.method == WEB else who


def _order(
    client: Client, request: PaymentRequest, payer: Payer, hundredths: int
) -> dict[str, str]:
    return {
        **_who(payer, request),
        "orderid": order_id_of(request.attempt_id),
        "itemcount": "1",
        "language": client.settings.language,
        "currency": request.currency,
        "usersession": request.method or IN_GAME,
        "itemid[0]": str(request.amount_minor),
        "qty[0]": "1",
        "amount[0]": str(hundredths),
        "description[0]": request.description[:_LONGEST_NAME],
    }


def _page(client: Client, request: PaymentRequest, url: str | None) -> str:
    """Return Steam's page with the way back. Raises SteamFailed for a page that is not Steam's."""
    host = urlsplit(url or "").hostname or ""
    steam = (url or "").startswith("https://") and f".{host}".endswith(".steampowered.com")
    lab = client.settings.lab_url
    if url is None or not (steam or (lab is not None and url.startswith(f"{lab}/"))):
        raise SteamFailed("Steam named no page of its own for the player")
    back = request.return_url or client.settings.return_url
    if back is None:
        return url
    joined = "" if url.endswith("returnurl=") else ("&" if "?" in url else "?") + "returnurl="
    return f"{url}{joined}{quote(back, safe='')}"


def _decoded(raw: msgspec.Raw, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=shape, strict=False)
    except msgspec.MsgspecError:
        raise SteamFailed("Steam's answer cannot be read") from None
