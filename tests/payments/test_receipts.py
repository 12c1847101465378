"""Letters of callback steps reach the player's confirmed address, in their language, and once."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from tests.lives.people import SCRIPT, buy, pack, register
from tests.payments.scripted import processed
from tests.studio import City, Studio, done, open_city, refused

from guildbank.infra.postgres import Cluster
from guildbank.journal import pump
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.payments.usecases.told_words import open_words
from guildbank.plugin_api import (
    CallbackEvent,
    Context,
    Delivered,
    Letter,
    LetterText,
    Manifest,
    Slot,
)
from guildbank_receipt.plugin import PLUGIN
from guildbank_tax.plugin import PLUGIN as TAX

SELLER = {"seller": "Moonlit GmbH", "tax_id": "DE123456789", "footer": "Ask shop@moonlit.example"}
TEXT = LetterText(subject="Hello", opening="Hello", rows=())


class Scribe:
    """A callback that writes what a test tells it, and remembers what it was shown."""

    def __init__(self, id_: str, *capabilities: str) -> None:
        self.manifest = Manifest(
            id=id_, version="1", slot=Slot.CALLBACK, title=id_,
            capabilities=frozenset(capabilities),
            settings_schema={"type": "object", "additionalProperties": False},
        )  # fmt: skip
        self.texts = {"en": TEXT}
        self.shown: list[CallbackEvent] = []

    async def deliver(self, context: Context, event: CallbackEvent) -> Delivered | None:
        self.shown.append(event)
        if event.kind != "payments.credited":
            return None
        return Delivered(note="written", letter=Letter(texts=self.texts))


SCRIBE, STRANGER = Scribe("scribe", "letters"), Scribe("stranger")


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_receipts")
    plugins: list[tuple[str, Any]] = [
        ("scripted", SCRIPT), ("receipt", PLUGIN), ("tax", TAX), ("scribe", SCRIBE),
        ("stranger", STRANGER),
    ]  # fmt: skip
    async with open_city(url, tmp_path_factory.mktemp("receipts"), plugins) as city:
        yield city


@pytest.fixture
async def studio(city: City) -> AsyncIterator[Studio]:
    await city.calm()
    studio = await city.studio()
    settings = {"settings": {"secret": "shh-quiet"}, "enabled": True}
    done(await studio.http.put("/v1/providers/scripted", json=settings))
    await tell(studio, "receipt", SELLER)
    yield studio
    await studio.http.aclose()


@pytest.fixture
async def public(city: City, studio: Studio) -> AsyncIterator[httpx.AsyncClient]:
    key = await city.key(studio.ref, kind="publishable")
    async with city.client(**{"x-guildbank-key": key}) as client:
        yield client


async def tell(
    studio: Studio, plugin: str, settings: dict[str, Any], **others: list[dict[str, Any]]
) -> None:
    """Publish a pipeline whose one callback is this; `others` are steps of other slots."""
    step = {"id": "write", "plugin": plugin, "settings": settings}
    saved = await studio.http.post(
        "/v1/pipelines/packs/revisions", json={"stages": {"callbacks": [step], **others}}
    )
    body = {"revision": done(saved)["revision"], "over": done(saved)["revision"] - 1}
    done(await studio.http.post("/v1/pipelines/packs/publish", json=body))


async def reader(studio: Studio, public: httpx.AsyncClient, locale: str | None = "en") -> str:
    """Return a player whose address is confirmed."""
    more = {} if locale is None else {"locale": locale}
    player, body = await register(public, email=f"{studio.ref.slug}-{locale}@player.test", **more)
    assert body["email"]
    await studio.sql("UPDATE identity_email SET confirmed_at = now()")
    return player


async def run(studio: Studio) -> None:
    """Let the job tell callbacks what was committed."""
    payments = studio.city.services.payments
    await pump(payments.db, studio.ref.schema, [CallbackOutbox(payments)])
    await deliver_callbacks(payments, studio.ref)


async def mails(studio: Studio) -> list[dict[str, Any]]:
    """Return the letters in the mailbox, the oldest first."""
    listed = done(await studio.http.get("/v1/mailbox"))["items"]
    wanted = [one["id"] for one in listed if one["template"] == "payments.letter"]
    return [done(await studio.http.get(f"/v1/mailbox/{one}")) for one in reversed(wanted)]


async def notes(studio: Studio) -> list[str]:
    """Return what the receipts' step said of each payment that was credited, or why it did not."""
    text = "SELECT payment_id, sealed FROM payments_telling WHERE kind = $1 ORDER BY seq"
    kept = [(row[0], row[1]) for row in await studio.sql(text, "payments.credited")]
    said = await open_words(studio.city.services.payments, studio.ref, kept)
    return [one.answer or one.problem or "" for one in said]


async def test_a_player_gets_a_receipt_and_is_told_of_a_refund(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    ann = await reader(studio, public)
    bought = done(await buy(studio, ann, await pack(studio)))
    await run(studio)
    (receipt,) = await mails(studio)
    assert receipt["to"] == f"{studio.ref.slug}-en@player.test"
    assert receipt["subject"] == "Your receipt from Moonlit GmbH"
    lines = receipt["text"].splitlines()
    for line in (
        f"Receipt: {bought['id']}", "Seller: Moonlit GmbH", "Tax id: DE123456789",
        "Product: Chest", "Price: 4.99 EUR", "Total: 4.99 EUR", "Ask shop@moonlit.example",
    ):  # fmt: skip
        assert line in lines
    assert "Price: 4.99 EUR<br>" in receipt["html"]
    assert await notes(studio) == ["Mailed to the player's confirmed address."]
    body = {"amount": {"amount": "2.00", "currency": "EUR"}}
    refund = done(await studio.post(f"/v1/payments/{bought['id']}/refunds", body))
    assert refund["state"] == "succeeded"
    await run(studio)
    _, told = await mails(studio)
    assert told["subject"] == "Your refund from Moonlit GmbH"
    assert f"Refund: {refund['id']}" in told["text"]
    assert "Sent back: 2.00 EUR" in told["text"]


async def test_it_is_in_the_players_language_or_else_the_tenants(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    deployment = await city.key(None)
    async with city.client(deployment) as host:
        settings = {"settings": {"mail": {"locale": "ru"}}}
        done(await host.patch(f"/v1/tenants/{studio.ref.slug}", json=settings))
    of, wanted = await pack(studio), ("en", "ru", "de")
    for locale in wanted:
        done(await buy(studio, await reader(studio, public, locale), of))
        await run(studio)
    subjects = [one["subject"] for one in await mails(studio)]
    assert subjects == [
        "Your receipt from Moonlit GmbH",
        "Квитанция от Moonlit GmbH",
        "Квитанция от Moonlit GmbH",
    ]


async def test_an_event_is_mailed_once_however_often_it_is_told(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    ann = await reader(studio, public)
    bought = done(await buy(studio, ann, await pack(studio)))
    await run(studio)
    for _ in range(2):
        await studio.sql("UPDATE payments_telling SET told_at = NULL, next_at = now()")
        await run(studio)
    assert len(await mails(studio)) == 1
    text = "SELECT count(*) FROM payments_telling WHERE told_at IS NULL AND payment_id = $1"
    assert (await studio.sql(text, bought["id"]))[0][0] == 0


async def test_nobody_is_mailed_at_an_address_that_they_did_not_confirm(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    ann, _ = await register(public, email="nobody@player.test")
    done(await buy(studio, ann, await pack(studio)))
    done(await buy(studio, await studio.player(), await pack(studio)))
    await run(studio)
    assert await mails(studio) == []
    assert await notes(studio) == ["Nothing was mailed: the player has no confirmed address."] * 2


async def test_money_that_never_came_brings_no_receipt(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    ann = await reader(studio, public)
    SCRIPT.on_create = processed(300)
    try:
        bought = done(await buy(studio, ann, await pack(studio)))
    finally:
        SCRIPT.on_create = None
    assert bought["state"] == "conflicted"
    await run(studio)
    assert [one["subject"] for one in await mails(studio)] == ["Your refund from Moonlit GmbH"]


async def test_a_step_is_shown_what_was_sold_and_nothing_of_the_person(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    await tell(studio, "scribe", {})
    ann = await reader(studio, public)
    bought = done(await buy(studio, ann, await pack(studio)))
    SCRIBE.shown.clear()
    await run(studio)
    assert [one["subject"] for one in await mails(studio)] == ["Hello"]
    told = next(one for one in SCRIBE.shown if one.kind == "payments.credited")
    assert told.sold is not None
    assert (told.sold.payment_id, told.sold.title, told.sold.amount_minor, told.sold.currency) == (
        bought["id"], "Chest", 499, "EUR",
    )  # fmt: skip
    assert "player.test" not in repr(told)


async def test_a_step_that_may_not_write_is_shown_nothing_and_its_letter_goes_nowhere(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    await tell(studio, "stranger", {})
    ann = await reader(studio, public)
    done(await buy(studio, ann, await pack(studio)))
    STRANGER.shown.clear()
    await run(studio)
    assert await mails(studio) == []
    assert {one.sold for one in STRANGER.shown} == {None}
    assert "capability letters" in (await notes(studio))[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (msgspec.structs.replace(TEXT, subject="Hello\r\nBcc: all@player.test"), "control"),
        (msgspec.structs.replace(TEXT, rows=("a\nb",)), "control"),
        (msgspec.structs.replace(TEXT, rows=("x",) * 61), "rows"),
        (msgspec.structs.replace(TEXT, subject=" "), "subject"),
        (msgspec.structs.replace(TEXT, closing="x" * 1_001), "closing"),
    ],
    ids=["header", "row", "rows", "blank", "long"],
)
async def test_a_letter_that_cannot_be_mailed_is_told_to_operators(
    studio: Studio, public: httpx.AsyncClient, text: LetterText, why: str
) -> None:
    await tell(studio, "scribe", {})
    SCRIBE.texts = {"en": text}
    try:
        done(await buy(studio, await reader(studio, public), await pack(studio)))
        await run(studio)
    finally:
        SCRIBE.texts = {"en": TEXT}
    assert await mails(studio) == []
    (problem,) = await notes(studio)
    assert "cannot be mailed" in problem
    assert why in problem


async def test_what_stands_in_a_letter_is_no_markup(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    await tell(studio, "scribe", {})
    SCRIBE.texts = {"en": msgspec.structs.replace(TEXT, rows=("<b>{{ brand }}</b>", "second"))}
    try:
        done(await buy(studio, await reader(studio, public), await pack(studio)))
        await run(studio)
    finally:
        SCRIBE.texts = {"en": TEXT}
    (mail,) = await mails(studio)
    assert "<b>{{ brand }}</b>\nsecond" in mail["text"]
    assert "&lt;b&gt;{{ brand }}&lt;/b&gt;<br>" in mail["html"]
    assert '<p style="margin:0 0 16px"></p>' not in mail["html"]


async def test_a_player_who_was_erased_is_mailed_nothing(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    ann = await reader(studio, public)
    done(await buy(studio, ann, await pack(studio)))
    erased = await studio.http.post(f"/v1/players/{ann}/erase", json={})
    assert erased.status_code in (200, 202), erased.text
    await run(studio)
    assert await mails(studio) == []


async def test_taxes_and_fees_of_a_payment_are_shown(
    studio: Studio, public: httpx.AsyncClient
) -> None:
    vat = {"rates": [{"country": "DE", "rate": "19"}]}
    await tell(studio, "receipt", SELLER, charges=[{"id": "vat", "plugin": "tax", "settings": vat}])
    ann = await reader(studio, public)
    done(await buy(studio, ann, await pack(studio), country="DE"))
    await run(studio)
    (receipt,) = await mails(studio)
    lines = receipt["text"].splitlines()
    at = lines.index("Price: 4.99 EUR")
    assert lines[at + 1 : at + 3] == ["of which VAT 19 %: 0.80 EUR", "Total: 4.99 EUR"]


async def test_settings_that_are_not_plain_text_are_refused(studio: Studio) -> None:
    step = {"id": "write", "plugin": "receipt", "settings": {**SELLER, "footer": "a\u202eb"}}
    answer = await studio.http.post(
        "/v1/pipelines/packs/revisions", json={"stages": {"callbacks": [step]}}
    )
    assert refused(answer) == (422, "invalid_pipeline")
    assert answer.json()["field"] == "stages.callbacks.0.settings.footer"
