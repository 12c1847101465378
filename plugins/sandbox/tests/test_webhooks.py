"""Webhooks as they travel: duplicated, reordered, late, retried, across restarts; and forgeries."""

import asyncio
import hashlib
import hmac
import time
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from plugins.sandbox.tests.shop import Receiver, Shop, eventually, stays_so
from tests.servers.sandbox import SandboxServer

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_sandbox.plugin import PLUGIN

BODY = b'{"id":"evt_1","type":"something.new","data":{}}'


def signature(shop: Shop, body: bytes = BODY, age_seconds: int = 0) -> str:
    at = int(shop.context().now.timestamp()) - age_seconds
    mark = hmac.new(
        str(shop.settings["webhook_secret"]).encode(), b"%d.%b" % (at, body), hashlib.sha256
    )
    return f"t={at},v1={mark.hexdigest()}"


def read(shop: Shop, header: str | None, body: bytes = BODY) -> ProviderEvent | WebhookRejected:
    headers = {} if header is None else {"sandbox-signature": header}
    return asyncio.run(PLUGIN.read_webhook(shop.context(), headers, body))


async def test_a_duplicated_event_arrives_three_times_under_one_id(shop: Shop):
    await PLUGIN.create_payment(shop.context(), shop.request("instant_duplicate"))
    eventually(lambda: len(shop.events()) == 3)
    assert len({event.external_id for _, event in shop.events()}) == 1


async def test_a_reordered_pending_arrives_after_the_capture(shop: Shop):
    await PLUGIN.create_payment(shop.context(), shop.request("instant_reordered"))
    eventually(lambda: shop.kinds() == ["payment.captured", "payment.pending"])


async def test_a_silent_payment_sends_nothing(shop: Shop):
    await PLUGIN.create_payment(shop.context(), shop.request("instant_silent"))
    await PLUGIN.create_payment(shop.context(), shop.request("instant"))
    eventually(lambda: shop.kinds() == ["payment.captured"])
    stays_so(lambda: len(shop.events()) == 1, 0.3)


async def test_a_webhook_is_sent_again_until_it_is_accepted(shop: Shop):
    shop.receiver.statuses = [500, 404, 302]
    await PLUGIN.create_payment(shop.context(), shop.request())
    eventually(lambda: len(shop.events()) == 4)
    assert len({event.external_id for _, event in shop.events()}) == 1
    stays_so(lambda: len(shop.events()) == 4, 0.5)


@pytest.mark.parametrize("kill", [False, True])
async def test_payments_keys_and_webhooks_survive_a_restart(
    tmp_path: Path, receiver: Receiver, kill: bool
):
    with SandboxServer(tmp_path, late_seconds=1.5) as server:
        shop = Shop(server, receiver)
        with shop.http:
            receiver.statuses = [503] * 2
            requests = [shop.request(), shop.request("instant_pending")]
            made = [await PLUGIN.create_payment(shop.context(), each) for each in requests]
            server.restart(kill=kill)
            assert [await PLUGIN.create_payment(shop.context(), each) for each in requests] == made
            eventually(lambda: shop.kinds(requests[0].attempt_id)[-1:] == ["payment.captured"])
            eventually(lambda: "payment.captured" in shop.kinds(requests[1].attempt_id))


async def test_a_new_secret_and_the_old_one_are_both_believed_for_a_while(shop: Shop):
    old = shop.context()
    shop.settings["webhook_secret"] = "whsec_the_new_one"
    shop.post(
        "/accounts",
        {"api_key": shop.settings["api_key"], "webhook_secret": "whsec_the_new_one"},
    )
    await PLUGIN.create_payment(shop.context(), shop.request())
    eventually(lambda: len(shop.receiver.received) == 1)
    headers, body = shop.receiver.received[0]
    assert headers["sandbox-signature"].count("v1=") == 2
    for context in (old, shop.context()):
        assert isinstance(await PLUGIN.read_webhook(context, headers, body), ProviderEvent)


def test_a_type_from_a_newer_provider_is_ignored(shop: Shop):
    event = read(shop, signature(shop))
    assert isinstance(event, ProviderEvent)
    assert event.kind is EventKind.IGNORED


@pytest.mark.parametrize(
    ("age_seconds", "believed"), [(290, True), (-290, True), (310, False), (-310, False)]
)
def test_five_minutes_are_tolerated_both_ways(shop: Shop, age_seconds: int, believed: bool):
    event = read(shop, signature(shop, age_seconds=age_seconds))
    if believed:
        assert isinstance(event, ProviderEvent)
    else:
        assert isinstance(event, WebhookRejected)
        assert event.code == "too_old"


async def test_a_recorded_webhook_is_too_old_an_hour_later(shop: Shop):
    await PLUGIN.create_payment(shop.context(), shop.request())
    eventually(lambda: len(shop.receiver.received) == 1)
    now = shop.context()
    later = msgspec.structs.replace(now, now=now.now + timedelta(hours=1))
    replayed = await PLUGIN.read_webhook(later, *shop.receiver.received[0])
    assert isinstance(replayed, WebhookRejected)
    assert replayed.code == "too_old"


def test_a_forged_body_or_secret_is_a_bad_signature(shop: Shop):
    other = Shop(shop.server, shop.receiver)
    other.http.close()
    for header, body in (
        (signature(shop), BODY + b" "),
        (signature(shop), BODY.replace(b"evt_1", b"evt_2")),
        (signature(other), BODY),
        (f"t={int(time.time())},v1={'0' * 64}", BODY),
        (signature(shop).replace("t=", "t=0"), BODY),
    ):
        rejected = read(shop, header, body)
        assert isinstance(rejected, WebhookRejected), header
        assert rejected.code == "bad_signature"


def test_one_good_signature_among_several_is_enough(shop: Shop):
    stamp, good = signature(shop).split(",")
    bad = f"v1={'ab' * 32}"
    for header in (f"{stamp},{bad},{good}", f"{good},{bad},{stamp}", f"v0=x,{stamp},{good}"):
        assert isinstance(read(shop, header), ProviderEvent), header


def test_an_unreadable_header_is_malformed(shop: Shop):
    stamp, good = signature(shop).split(",")
    for header in (
        None,
        "",
        stamp,
        good,
        f"{stamp};{good}",
        f"{stamp},{stamp},{good}",
        f"{stamp}, {good}",
        f"{stamp},{good.upper()}",
        f"{stamp},{good[:-1]}",
        f"t=-1,{good}",
        f"t=1e9,{good}",
        f"t=١٢٣,{good}",
        f"t={'9' * 5000},{good}",
        f"{stamp},v1=" + "é" * 64,
        ",".join([stamp, *[good] * 50]),
        "\x00",
    ):
        rejected = read(shop, header)
        assert isinstance(rejected, WebhookRejected), header
        assert rejected.code in {"malformed", "bad_signature"}


def test_signed_nonsense_is_malformed(shop: Shop):
    for body in (
        b"",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"id":1,"type":"payment.captured","data":{}}',
        b'{"id":"evt_1","type":"payment.captured","data":{}}',
        b'{"id":"evt_1","type":"refund.updated","data":{"payment":null}}',
        b'{"id":"evt_1","type":"dispute.closed"}',
    ):
        rejected = read(shop, signature(shop, body), body)
        assert isinstance(rejected, WebhookRejected), body[:50]
        assert rejected.code == "malformed"
