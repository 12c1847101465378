"""What the official library verifies is what was sent, and only a 2xx says that it was taken."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from guildbank.plugin_api import CallbackEvent, Context, Delivered, HttpAnswer, Method, NoAnswer
from guildbank.plugin_api.conformance import run_callback_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_webhook.manifest import MANIFEST
from guildbank_webhook.plugin import PLUGIN, NotTaken


def secret(byte: int, length: int = 32) -> str:
    return f"whsec_{base64.b64encode(bytes([byte]) * length).decode()}"


OLD, NEW, STRANGE = secret(1), secret(2), secret(3)
SETTINGS = {"url": "https://game.example/events", "secrets": NEW}
EVENT = CallbackEvent(
    id="evt_01kb0e5c9vfyqs1drz0n9vxk4g",
    kind="payments.credited",
    at=datetime(2026, 11, 26, 12, tzinfo=UTC),
    data={"payment": "pay_1", "money": "EUR", "amount": 900, "name": "Jürgen"},
)


class Game:
    """The tenant's server: it keeps what it is sent and answers as it is told."""

    def __init__(self, status: int = 200, body: bytes = b"") -> None:
        self.status = status
        self.body = body
        self.got: list[tuple[Mapping[str, str], bytes]] = []

    async def send(
        self,
        method: Method,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> HttpAnswer:
        assert (method, url) == ("POST", SETTINGS["url"])
        self.got.append((headers or {}, body or b""))
        return HttpAnswer(status=self.status, headers={}, body=self.body)


def context(game: Game, now: datetime | None = None, **settings: Any) -> Context:
    return Context(
        tenant="demo", mode="test", settings={**SETTINGS, **settings},
        now=now or datetime.now(UTC), webhook_url="", http=game,
    )  # fmt: skip


async def sent(now: datetime | None = None, **settings: Any) -> tuple[dict[str, str], bytes]:
    game = Game()
    await PLUGIN.deliver(context(game, now, **settings), EVENT)
    ((headers, body),) = game.got
    return dict(headers), body


def verified(by: str, headers: dict[str, str], body: bytes) -> Any:
    return Webhook(by).verify(body, headers)


async def test_the_official_library_verifies_what_is_sent() -> None:
    headers, body = await sent()
    assert headers["webhook-id"] == EVENT.id
    assert verified(NEW, headers, body) == {
        "type": "payments.credited",
        "timestamp": "2026-11-26T12:00:00Z",
        "version": 1,
        "data": {"payment": "pay_1", "money": "EUR", "amount": 900, "name": "Jürgen"},
    }


async def test_the_official_library_refuses_what_was_changed() -> None:
    headers, body = await sent()
    others = {
        "another body": (NEW, headers, body.replace(b"900", b"901")),
        "another id": (NEW, {**headers, "webhook-id": "evt_2"}, body),
        "another secret": (STRANGE, headers, body),
        "no signature": (NEW, {**headers, "webhook-signature": "v1,"}, body),
    }
    for message in others.values():
        with pytest.raises(WebhookVerificationError, match="No matching signature found"):
            verified(*message)


async def test_the_official_library_refuses_an_old_message() -> None:
    headers, body = await sent(now=datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError, match="too old"):
        verified(NEW, headers, body)


async def test_while_a_secret_is_replaced_the_old_one_and_the_new_one_verify() -> None:
    headers, body = await sent(secrets=f"{OLD} {NEW}")
    assert verified(OLD, headers, body) == verified(NEW, headers, body)
    with pytest.raises(WebhookVerificationError):
        verified(STRANGE, headers, body)
    headers, body = await sent(secrets=NEW)
    with pytest.raises(WebhookVerificationError):
        verified(OLD, headers, body)


async def test_each_try_has_the_same_id_and_bytes_and_a_signature_of_its_own() -> None:
    now = datetime.now(UTC)
    first, body = await sent(now=now)
    game = Game()
    turned = msgspec.structs.replace(EVENT, data=dict(reversed(list(EVENT.data.items()))))
    await PLUGIN.deliver(context(game, now + timedelta(minutes=2)), turned)
    ((again, same),) = game.got
    assert same == body
    assert again["webhook-id"] == first["webhook-id"]
    assert again["webhook-signature"] != first["webhook-signature"]
    assert verified(NEW, dict(again), same) == json.loads(body)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_what_the_server_answered_is_noted(status: int) -> None:
    taken = await PLUGIN.deliver(context(Game(status, b"thank\n you")), EVENT)
    assert taken == Delivered(note=f"{status} thank you")


async def test_a_server_that_answers_nothing_is_noted_by_its_status() -> None:
    assert await PLUGIN.deliver(context(Game(204)), EVENT) == Delivered(note="204")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", "Answered 500."),
        (503, b"closed\nfor today", "Answered 503: closed for today"),
        (400, b"x" * 5_000, f"Answered 400: {'x' * 200}"),
        (404, b"\xff\x00", "Answered 404: \N{REPLACEMENT CHARACTER}\x00"),
        (199, b"", "Answered 199."),
        (
            301,
            b"",
            "Answered 301, which leads elsewhere and is not followed: set that address as the url.",
        ),
        (
            410,
            b"",
            "Answered 410 Gone: the server says that nobody takes events here any more.",
        ),
    ],
)
async def test_what_is_no_2xx_is_told_as_what_it_is(status: int, body: bytes, why: str) -> None:
    with pytest.raises(NotTaken) as told:
        await PLUGIN.deliver(context(Game(status, body)), EVENT)
    assert str(told.value) == why


async def test_a_server_that_is_not_there_is_asked_again() -> None:
    class Nobody(Game):
        async def send(self, *_: Any, **__: Any) -> HttpAnswer:
            raise NoAnswer("nobody is there")

    with pytest.raises(NoAnswer, match="nobody is there"):
        await PLUGIN.deliver(context(Nobody()), EVENT)


@pytest.mark.parametrize(
    ("events", "reaches"),
    [
        (["payments.credited"], True),
        (["payments.*"], True),
        (["payments.refunded", "payments.credited"], True),
        (["payments.refunded"], False),
        (["payments"], False),
        (["pay.*"], False),
        (["payments.credit"], False),
        (["payments.credited.*"], False),
    ],
)
async def test_only_the_events_that_are_named_are_sent(events: list[str], reaches: bool) -> None:
    game = Game()
    taken = await PLUGIN.deliver(context(game, events=events), EVENT)
    assert bool(game.got) is reaches
    assert taken.note == (
        "200" if reaches else "Not sent: it is not among the events of this webhook."
    )


def test_the_callback_is_found_and_its_settings_fit_its_schema() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    whole = {
        **SETTINGS, "secrets": f"{OLD} {NEW}", "events": ["payments.*"], "event_version": 1,
        "description": "the shop",
    }  # fmt: skip
    for settings in (SETTINGS, whole, {**SETTINGS, "secrets": secret(1, 24)}):
        assert check_settings(MANIFEST, settings) is None
        assert PLUGIN.check_settings(settings) == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"url": "game.example"}, "settings.url"),
        ({"url": "https://me:word@game.example/"}, "settings.url"),
        ({"url": "https://game.example/\n"}, "settings.url"),
        ({"secrets": "hush"}, "settings.secrets"),
        ({"secrets": f"{OLD} {NEW} {STRANGE}"}, "settings.secrets"),
        ({"secrets": f"{OLD},{NEW}"}, "settings.secrets"),
        ({"events": []}, "settings.events"),
        ({"events": ["*"]}, "settings.events.0"),
        ({"events": ["payments.cred*"]}, "settings.events.0"),
        ({"event_version": 2}, "settings.event_version"),
        ({"retries": 3}, "settings"),
    ],
)
def test_settings_that_do_not_fit_are_refused_by_name(changed: dict[str, Any], field: str) -> None:
    refusal = check_settings(MANIFEST, {**SETTINGS, **changed})
    assert refusal is not None
    assert refusal.field == field


@pytest.mark.parametrize(
    ("secrets", "why"),
    [
        ("whsec_" + "A" * 33, "What follows whsec_ is not base64."),
        (f"{OLD} {OLD}", "The same secret stands there twice."),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "24 to 64 bytes; this has 65."),
    ],
)
def test_secrets_that_are_none_are_refused_without_showing_them(secrets: str, why: str) -> None:
    (problem,) = PLUGIN.check_settings({**SETTINGS, "secrets": secrets})
    assert problem.field == "secrets"
    assert why in problem.detail
    assert "whsec_A" not in problem.detail


async def test_whether_the_server_takes_events_is_found_out_by_one_that_nothing_else_is() -> None:
    game = Game(204)
    assert "204" in await PLUGIN.test_connection(context(game))
    ((headers, body),) = game.got
    event = verified(NEW, dict(headers), body)
    assert (event["type"], event["data"]) == ("connection_test", {"test": True})
    with pytest.raises(NotTaken, match="410 Gone"):
        await PLUGIN.test_connection(context(Game(410)))


async def test_the_contract_of_callbacks_holds() -> None:
    checks = await run_callback_conformance(PLUGIN, context(Game()))
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {check.name for check in checks if check.passed} >= {
        "a_peer_that_is_away_is_told_later",
        "no_secret_is_shown",
        "only_declared_hosts_are_asked",
        "nobody_away_is_taken_for_an_answer",
    }
