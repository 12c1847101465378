"""Tickets of Steam, at its real address, played on loopback."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.servers.impostor import Impostor, page

from guildbank.kernel import Refusal
from guildbank.plugin_api import ExternalIdentity, NoAnswer, SignInContext, Verified
from guildbank.plugin_host import Outbound, check_settings
from guildbank_steam.manifest import MANIFEST
from guildbank_steam.plugin import PLUGIN

HOST = "partner.steam-api.com"
KEY = "0123456789ABCDEF0123456789ABCDEF"
SETTINGS = {"publisher_key": KEY, "app_id": "480", "identity": "guildbank"}
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TICKET = "14000000" + "ab" * 100
GOOD = {
    "result": "OK",
    "steamid": "76561197960287930",
    "ownersteamid": "76561197960287930",
    "vacbanned": False,
    "publisherbanned": False,
}


def context(server: Impostor, **settings: Any) -> SignInContext:
    settings = {**SETTINGS, **settings}
    assert check_settings(MANIFEST, settings) is None
    return SignInContext(
        tenant="demo",
        mode="test",
        settings=settings,
        now=NOW,
        redirect_uri="https://game.example/back",
        http=Outbound(server.egress(), MANIFEST, settings),
    )


async def ask(body: object, ticket: str = TICKET, **settings: Any) -> Verified | Refusal:
    async with Impostor(HOST) as server:
        server.answer(200, body)
        return await PLUGIN.verify(context(server, **settings), {"ticket": ticket})


def params(**changes: Any) -> dict[str, Any]:
    return {"response": {"params": {**GOOD, **changes}}}


async def test_steam_says_whose_ticket_it_is():
    known = await ask(params())
    assert isinstance(known, Verified)
    assert known.identity == ExternalIdentity(
        issuer="https://steamcommunity.com", subject="76561197960287930"
    )
    assert known.until == NOW + timedelta(days=30)


async def test_steam_is_asked_about_our_app_and_our_identity():
    async with Impostor(HOST) as server:
        server.answer(200, params())
        await PLUGIN.verify(context(server), {"ticket": TICKET})
        (asked,) = server.asked
        parts = urlsplit(asked.path)
        assert parts.path == "/ISteamUserAuth/AuthenticateUserTicket/v1/"
        assert parse_qs(parts.query) == {
            "key": [KEY],
            "appid": ["480"],
            "ticket": [TICKET],
            "identity": ["guildbank"],
        }


@pytest.mark.parametrize(
    "body",
    [
        {"response": {"error": {"errorcode": 101, "errordesc": "Invalid ticket"}}},
        params(result="Invalid"),
    ],
)
async def test_a_ticket_that_steam_does_not_believe_is_refused(body):
    refused = await ask(body)
    assert isinstance(refused, Refusal)
    assert refused.code == "forged_assertion"


@pytest.mark.parametrize(
    "ticket", ["", "ab", "xy" * 20, "abc" * 11, "ab" * 2561, "é" * 32, "ab" * 20 + "\n", "-1" * 20]
)
async def test_what_is_no_ticket_is_refused_unasked(ticket):
    async with Impostor(HOST) as server:
        refused = await PLUGIN.verify(context(server), {"ticket": ticket})
        assert isinstance(refused, Refusal)
        assert (refused.code, server.asked) == ("bad_assertion", [])


@pytest.mark.parametrize(
    "raw",
    [
        page(403, b"<html>Forbidden</html>"),
        page(429, b"{}"),
        page(500, b"{}"),
        page(302, b"", "location: https://partner.steam-api.com/other"),
        page(200, b""),
        page(200, b"{}"),
        page(200, b"[]"),
        page(200, b'{"response":{}}'),
        page(200, b'{"response":{"params":{"result":"OK"}}}'),
        page(200, b'{"response":{"params":{"result":"OK","steamid":"","ownersteamid":""}}}'),
        page(200, b'{"response":{"params":{"result":"OK","steamid":"x","ownersteamid":"x"}}}'),
        page(200, b'{"response":{"params":{"result":"OK","steamid":7,"ownersteamid":7}}}'),
        page(200, b"\xff\xfe"),
    ],
)
async def test_any_other_answer_is_no_word_on_the_ticket_and_tells_no_key(raw):
    async with Impostor(HOST) as server:
        server.answer_bytes(raw)
        with pytest.raises(NoAnswer) as caught:
            await PLUGIN.verify(context(server), {"ticket": TICKET})
        assert KEY not in str(caught.value)
        assert TICKET not in str(caught.value)


@pytest.mark.parametrize(
    ("fact", "settings", "barred"),
    [
        ({"publisherbanned": True}, {}, True),
        ({"vacbanned": True}, {}, False),
        ({"vacbanned": True}, {"refuse_vac_banned": True}, True),
        ({"ownersteamid": "76561197960287931"}, {}, False),
        ({"ownersteamid": "76561197960287931"}, {"refuse_borrowed": True}, True),
        ({}, {"refuse_borrowed": True, "refuse_vac_banned": True}, False),
    ],
)
async def test_the_tenant_says_which_accounts_are_barred(fact, settings, barred):
    result = await ask(params(**fact), **settings)
    if barred:
        assert isinstance(result, Refusal)
        assert result.code == "account_barred"
    else:
        assert isinstance(result, Verified)
        assert result.identity.subject == "76561197960287930"


async def test_a_replay_is_known_however_the_digits_are_written():
    first, again = await ask(params()), await ask(params(), TICKET.upper())
    other = await ask(params(), TICKET[:-2] + "ac")
    assert isinstance(first, Verified)
    assert isinstance(again, Verified)
    assert isinstance(other, Verified)
    assert first.once == again.once != other.once


@pytest.mark.parametrize("name", ["publisher_key", "app_id", "identity"])
def test_no_setting_may_be_left_out(name):
    settings = {key: value for key, value in SETTINGS.items() if key != name}
    assert check_settings(MANIFEST, settings) is not None
