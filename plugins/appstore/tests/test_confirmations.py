"""What the app says of a purchase is held against what Apple says, and forgeries cost no call."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from plugins.appstore.tests import apple
from plugins.appstore.tests.apple import (
    CHAIN,
    PRODUCTION,
    REVIEWER,
    SANDBOX,
    STRANGER,
    UNMARKED,
    Apple,
    confirm,
    context,
    later,
    payload,
    request,
    speaks_for_the_app,
    transaction,
)
from tests.servers.lab import LabServer

from guildbank.kernel import epoch_ms, new_id, uuid_of
from guildbank.plugin_api import Confirmation, Context, NotConfirmed, Outcome, OutcomeStatus
from guildbank_appstore.plugin import AppStoreProvider
from guildbank_appstore.rehearsal import PACK, buy


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    apple.trust_the_lab(monkeypatch)


async def test_a_live_tenant_asks_production_by_the_app_s_key() -> None:
    http, wanted = Apple(), request()
    http.sell(wanted)
    said = await confirm(context(http), wanted, {"transaction": "2000000123"})
    assert isinstance(said, Outcome)
    assert (said.status, said.amount_minor, said.currency) == (OutcomeStatus.PROCESSED, 499, "EUR")
    assert (said.conflict, said.is_test) == (None, False)
    ((method, url, headers),) = http.asked
    assert (method, url) == ("GET", f"{PRODUCTION}/inApps/v1/transactions/2000000123")
    assert speaks_for_the_app(headers)


async def test_a_test_tenant_asks_the_sandbox_and_nothing_else() -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, at=SANDBOX)
    said = await confirm(context(http, "test"), wanted, {"transaction": "2000000123"})
    assert isinstance(said, Outcome)
    assert (said.amount_minor, said.is_test) == (499, False)
    assert all(url.startswith(SANDBOX) for _, url, _ in http.asked)


@pytest.mark.parametrize("kind", ["transaction", "signed_transaction"])
async def test_a_reviewer_s_purchase_of_the_sandbox_is_a_test_for_nothing(kind: str) -> None:
    http, wanted = Apple(), request(REVIEWER)
    signed = http.sell(wanted, at=SANDBOX)
    data = {kind: signed if kind == "signed_transaction" else "2000000123"}
    said = await confirm(context(http, reviewers=[REVIEWER]), wanted, data)
    assert isinstance(said, Outcome)
    assert (said.status, said.amount_minor, said.is_test) == (OutcomeStatus.PROCESSED, 0, True)


@pytest.mark.parametrize("kind", ["transaction", "signed_transaction"])
async def test_nobody_else_s_purchase_of_the_sandbox_counts_in_a_live_tenant(kind: str) -> None:
    http, wanted = Apple(), request()
    signed = http.sell(wanted, at=SANDBOX)
    data = {kind: signed if kind == "signed_transaction" else "2000000123"}
    said = await confirm(context(http, reviewers=[REVIEWER]), wanted, data)
    assert isinstance(said, NotConfirmed)
    assert not any(url.startswith(SANDBOX) for _, url, _ in http.asked)


def _with(chain: list[str], **changes: Any) -> str:
    return CHAIN.sign(payload(request(), **changes), x5c=chain)


def _swapped() -> str:
    mine, theirs = transaction(request()).split("."), transaction(request()).split(".")
    return ".".join((mine[0], theirs[1], mine[2]))


FORGED = {
    "by a stranger": lambda: transaction(request(), by=STRANGER),
    "by a chain without Apple's marks": lambda: transaction(request(), by=UNMARKED),
    "by a stranger's key with the right chain": lambda: STRANGER.sign(
        payload(request()), x5c=CHAIN.x5c
    ),
    "with two certificates": lambda: _with(CHAIN.x5c[:2]),
    "with four certificates": lambda: _with([*CHAIN.x5c, CHAIN.x5c[2]]),
    "with no certificate": lambda: _with([]),
    "with the chain upside down": lambda: _with(CHAIN.x5c[::-1]),
    "with text for certificates": lambda: _with(["x", "y", "z"]),
    "with another payload": _swapped,
    "before its certificates began": lambda: transaction(request(), signedDate=later(days=-500)),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED.keys())
async def test_a_forged_transaction_costs_no_call(forge: Any) -> None:
    http = Apple()
    said = await confirm(context(http), request(), {"signed_transaction": forge()})
    assert isinstance(said, NotConfirmed)
    assert said.code == "bad_signature"
    assert http.asked == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bundleId": "example.other"}, "wrong_account"),
        ({"environment": "Sandbox"}, "wrong_account"),
        ({"environment": "Xcode"}, "wrong_account"),
        ({"environment": "LocalTesting"}, "wrong_account"),
        ({"signedDate": None}, "malformed"),
        ({"signedDate": later(minutes=20)}, "too_old"),
    ],
)
async def test_what_is_signed_for_others_or_in_the_future_costs_no_call(
    changes: dict[str, Any], code: str
) -> None:
    http, wanted = Apple(), request()
    signed = transaction(wanted, **changes)
    said = await confirm(context(http), wanted, {"signed_transaction": signed})
    assert isinstance(said, NotConfirmed)
    assert said.code == code
    assert http.asked == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"transaction": "2000000123", "signed_transaction": "a.b.c"},
        {"transaction": "2000000123", "price": "0"},
        {"transaction": "../../x"},
        {"transaction": "2000000123?x=1"},
        {"transaction": ""},
        {"transaction": "٢٠٠"},
        {"signed_transaction": ""},
        {"signed_transaction": "a.b"},
        {"signed_transaction": "a.b.c"},
        {"signed_transaction": "." * 20_000},
        {"signed_transaction": "ü.ü.ü"},
    ],
)
async def test_nonsense_costs_no_call(data: dict[str, str]) -> None:
    http = Apple()
    said = await confirm(context(http), request(), data)
    assert isinstance(said, NotConfirmed)
    assert http.asked == []


async def test_a_purchase_under_another_token_is_another_payment_s() -> None:
    http, wanted = Apple(), request()
    for token in (uuid_of(new_id("att")), None, "no-uuid"):
        http.sell(wanted, appAccountToken=token)
        said = await confirm(context(http), wanted, {"transaction": "2000000123"})
        assert isinstance(said, NotConfirmed)
        assert said.code == "other_payment"


async def test_a_token_in_capitals_is_the_same() -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, appAccountToken=uuid_of(wanted.attempt_id).upper())
    said = await confirm(context(http), wanted, {"transaction": "2000000123"})
    assert isinstance(said, Outcome)
    assert said.status is OutcomeStatus.PROCESSED


@pytest.mark.parametrize(
    ("changes", "conflict"),
    [
        ({"productId": "example.other"}, "product_differs"),
        ({"quantity": 3, "price": 14_970}, "quantity_differs"),
        ({"type": "Non-Consumable"}, "not_consumable"),
        ({"type": "Something new"}, "not_consumable"),
        ({"price": None}, "price_missing"),
    ],
)
async def test_money_for_something_else_is_a_conflict(
    changes: dict[str, Any], conflict: str
) -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, **changes)
    said = await confirm(context(http), wanted, {"transaction": "2000000123"})
    assert isinstance(said, Outcome)
    assert (said.status, said.conflict) == (OutcomeStatus.PROCESSED, conflict)


async def test_a_pack_that_is_sold_no_more_credits_no_other_product() -> None:
    http, wanted = Apple(), request()
    http.sell(wanted)
    here = context(http, products=[])
    said = await confirm(here, wanted, {"transaction": "2000000123"})
    assert isinstance(said, Outcome)
    assert said.conflict == "product_differs"


async def test_another_transaction_than_the_one_asked_for_is_not_believed() -> None:
    http, wanted = Apple(), request()
    http.sell(wanted, transactionId="2000000999")
    with pytest.raises(RuntimeError, match="another transaction"):
        await confirm(context(http), wanted, {"transaction": "2000000123"})


async def test_a_live_tenant_s_lab_is_refused() -> None:
    for name, value in (("lab_url", "http://127.0.0.1"), ("lab_root", CHAIN.root_pem)):
        with pytest.raises(ValueError, match="test mode"):
            await AppStoreProvider().create_payment(context(Apple(), **{name: value}), request())


async def test_a_payment_begins_without_a_call() -> None:
    http, wanted = Apple(), request()
    said = await AppStoreProvider().create_payment(context(http), wanted)
    assert said.status is OutcomeStatus.PENDING
    assert said.reference == uuid_of(wanted.attempt_id)
    assert said.waits_until is not None
    assert epoch_ms(said.waits_until) == later(days=7)
    assert http.asked == []


@pytest.mark.parametrize("product", [None, "pack_01kag3pyqmf9aag12vtrsy70pt"])
async def test_what_is_not_sold_there_is_declined(product: str | None) -> None:
    said = await AppStoreProvider().create_payment(context(Apple()), request(product=product))
    assert (said.status, said.code) == (OutcomeStatus.DECLINED, "product_unknown")


async def test_silence_is_raised_within_the_time(lab: LabServer, at_lab: Context) -> None:
    wanted = request(product=PACK)
    here = msgspec.structs.replace(at_lab, now=datetime.now(UTC))
    data = await buy(here, wanted)
    lab.turn(data["transaction"], "get", "silence")
    given = Confirmation(request=wanted, reference=None, data=data, by="buyer")
    with pytest.raises(TimeoutError):
        await AppStoreProvider(timeout_seconds=0.5).confirm(here, given)
