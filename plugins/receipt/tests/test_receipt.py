"""Receipts say who sold what for how much, in both languages, and nothing keeps them back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from guildbank.plugin_api import CallbackEvent, Charge, Context, LetterText
from guildbank.plugin_api.conformance import (
    CALLBACK_CHECKS,
    LETTER_CHECKS,
    SOLD,
    DirectHttp,
    run_callback_conformance,
)
from guildbank.plugin_host import check_settings
from guildbank_receipt.manifest import MANIFEST
from guildbank_receipt.plugin import PLUGIN

SELLER: Mapping[str, Any] = {
    "seller": "Moonlit GmbH",
    "address": ["Hafenstr. 1", "20457 Hamburg"],
    "tax_id": "DE123456789",
    "footer": "Questions? shop@moonlit.example",
}
CREDITED = CallbackEvent(
    id="evt_1",
    kind="payments.credited",
    at=datetime(2026, 11, 27, 23, 30, tzinfo=UTC),
    data={"payment": SOLD.payment_id, "money": "EUR", "amount": 900},
    sold=msgspec.structs.replace(SOLD, lines=()),
)
REFUNDED = msgspec.structs.replace(
    CREDITED,
    kind="payments.refunded",
    data={"payment": SOLD.payment_id, "refund": "ref_1", "money": "EUR", "amount": 300},
)


def context(settings: Mapping[str, Any] = SELLER) -> Context:
    return Context(
        tenant="demo", mode="test", settings=settings, now=datetime.now(UTC), webhook_url="",
        http=DirectHttp(),
    )  # fmt: skip


async def written(
    event: CallbackEvent, settings: Mapping[str, Any] = SELLER
) -> Mapping[str, LetterText]:
    told = await PLUGIN.deliver(context(settings), event)
    assert told.letter is not None, told.note
    return told.letter.texts


async def test_a_receipt_has_all_that_is_asked_of_one() -> None:
    text = (await written(CREDITED))["en"]
    assert text.subject == "Your receipt from Moonlit GmbH"
    assert text.rows == (
        f"Receipt: {SOLD.payment_id}",
        "Date: 2026-11-27 23:30 UTC",
        "Seller: Moonlit GmbH",
        "Address: Hafenstr. 1",
        "20457 Hamburg",
        "Tax id: DE123456789",
        "Product: Chest of gems",
        "Price: 9.00 EUR",
        "Total: 9.00 EUR",
    )
    assert text.closing == SELLER["footer"]


async def test_taxes_and_fees_stand_between_price_and_total() -> None:
    lines = (
        Charge(kind="tax", label="VAT 19 %", amount_minor=135, included=True, rate="19"),
        Charge(kind="fee", label="Service fee", amount_minor=50),
        Charge(kind="tax", label="City tax 1.125 %", amount_minor=9, rate="1.125"),
    )
    sold = msgspec.structs.replace(SOLD, amount_minor=905, lines=lines)
    texts = await written(msgspec.structs.replace(CREDITED, sold=sold))
    assert texts["en"].rows[-5:] == (
        "Price: 8.46 EUR",
        "of which VAT 19 %: 1.35 EUR",
        "Service fee: 0.50 EUR",
        "City tax 1.125 %: 0.09 EUR",
        "Total: 9.05 EUR",
    )
    assert texts["ru"].rows[-4] == "в том числе VAT 19 %: 1.35 EUR"


async def test_money_without_decimals_has_none() -> None:
    sold = msgspec.structs.replace(SOLD, amount_minor=900, currency="JPY", lines=())
    assert (await written(msgspec.structs.replace(CREDITED, sold=sold)))["en"].rows[-1] == (
        "Total: 900 JPY"
    )


async def test_a_refund_says_what_went_back_and_of_which_payment() -> None:
    texts = await written(REFUNDED)
    assert texts["en"].subject == "Your refund from Moonlit GmbH"
    assert texts["en"].rows[0] == "Refund: ref_1"
    assert texts["en"].rows[-2:] == (f"Payment: {SOLD.payment_id}", "Sent back: 3.00 EUR")
    assert texts["ru"].rows[-1] == "Возвращено: 3.00 EUR"


async def test_both_languages_have_the_same_rows() -> None:
    for event in (CREDITED, REFUNDED):
        texts = await written(event)
        english, russian = texts["en"], texts["ru"]
        assert len(english.rows) == len(russian.rows)
        said = [[row.partition(": ")[2] for row in text.rows] for text in (english, russian)]
        assert said[0] == said[1]
        assert english.subject != russian.subject
        assert english.opening != russian.opening


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "payments.created"},
        {"sold": None},
        {"data": {"money": "EUR", "amount": 0, "test": True}},
        {"data": {"money": "XYZ", "amount": 900}},
        {"data": {}},
    ],
    ids=["another-kind", "no-payment", "test-purchase", "no-money", "nothing"],
)
async def test_of_other_events_nobody_is_written_to(changed: dict[str, Any]) -> None:
    told = await PLUGIN.deliver(context(), msgspec.structs.replace(CREDITED, **changed))
    assert told.letter is None
    assert "No mail" in told.note


async def test_refunds_can_be_left_to_somebody_else() -> None:
    told = await PLUGIN.deliver(context({**SELLER, "refunds": False}), REFUNDED)
    assert told.letter is None


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"seller": "Moonlit\nGmbH"}, "seller"),
        ({**SELLER, "tax_id": "DE\u202e123"}, "tax_id"),
        ({**SELLER, "footer": "a\x07b"}, "footer"),
        ({**SELLER, "address": ["Hafenstr. 1", "20457\r\nHamburg"]}, "address.1"),
    ],
)
def test_text_that_is_not_plain_is_refused(settings: dict[str, Any], field: str) -> None:
    assert check_settings(MANIFEST, settings) is None
    assert [one.field for one in PLUGIN.check_settings(settings)] == [field]


@pytest.mark.parametrize(
    "settings",
    [{}, {"seller": " "}, {"seller": "x" * 101}, {**SELLER, "address": ["x"] * 7}],
    ids=["none", "blank", "long", "many-lines"],
)
def test_settings_that_make_no_receipt_are_refused(settings: dict[str, Any]) -> None:
    assert check_settings(MANIFEST, settings) is not None


async def test_the_contract_of_callbacks_holds() -> None:
    done = await run_callback_conformance(PLUGIN, context())
    names = {one.name for one in done}
    assert {check.__name__ for check in (*CALLBACK_CHECKS, *LETTER_CHECKS)} == names
    asks_nobody = {
        "a_peer_that_is_away_is_told_later", "rubbish_is_done_or_told_later",
        "a_cut_answer_is_told_later", "a_late_answer_is_told_later",
        "a_huge_answer_is_told_later", "it_makes_ready_and_again", "no_secret_is_shown",
    }  # fmt: skip
    for check in done:
        assert check.passed or (check.name in asks_nobody and not check.ran), check
