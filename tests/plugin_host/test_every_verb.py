"""An installed provider has every capability that a shipped one can have, across its wall."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.plugin_host.apart import context_of, plugin_of

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Confirmation,
    Confirms,
    ConfirmsPayouts,
    ConfirmsRefunds,
    NotConfirmed,
    Option,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    PayoutRequest,
    RefundRequest,
    SettlementKind,
    TellsUsage,
    Usage,
)
from guildbank.plugin_api.conformance import Webhook, run_provider_conformance
from guildbank.plugin_host import Walls, check_field, health_of, offer_options

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

BODY = """
    async def create_payment(self, context, request):
        await self._ask(context)
        if request.method == "never":
            return Outcome(status=OutcomeStatus.DECLINED, code="never")
        return Outcome(status=OutcomeStatus.PENDING, reference="ref-" + request.attempt_id)

    async def _ask(self, context):
        word = context.settings.get("word", "")
        if word.startswith("http"):
            got = await context.http.send("POST", word)
            if (got.status, got.body) != (200, b"POST"):
                raise RuntimeError("that is not the peer")

    async def fetch_payment(self, context, attempt_id, reference):
        await self._ask(context)
        return Outcome(status=OutcomeStatus.CANCELED, code="not_found")

    async def cancel_payment(self, context, attempt_id, reference):
        await self._ask(context)
        return Outcome(status=OutcomeStatus.CANCELED, reference=reference)

    async def refund(self, context, request):
        await self._ask(context)
        return Outcome(status=OutcomeStatus.PENDING, reference="ref-" + request.refund_id)

    async def fetch_refund(self, context, request, reference):
        await self._ask(context)
        return Outcome(status=OutcomeStatus.CANCELED, code="not_found")

    async def read_webhook(self, context, headers, body):
        return WebhookRejected(code="bad_signature", detail="It takes none.")

    async def test_connection(self, context):
        return "It answers."

    async def confirm(self, context, given):
        return self._proof(given.request, given.data)

    async def confirm_refund(self, context, request, data):
        return self._proof(request, data)

    async def confirm_payout(self, context, request, data):
        return self._proof(request, data)

    def _proof(self, request, data):
        if data.get("transaction") != "T1":
            return NotConfirmed(code="no_such", detail="Give another.", field="transaction")
        return Outcome(
            status=OutcomeStatus.PROCESSED, reference="T1",
            amount_minor=request.amount_minor, currency=request.currency,
        )

    async def tell_usage(self, context, used):
        return used.spent * 2 > used.coins

    async def settlements(self, context, since, until, cursor):
        if cursor == "2":
            return SettlementPage(lines=())
        line = Settlement(
            transaction="L1", kind=SettlementKind.FEE, at=since, currency="EUR",
            gross_minor=0, fee_minor=5, net_minor=-5,
        )
        return SettlementPage(lines=(line,), next="2")

    async def check_destination(self, context, given):
        return DestinationRefused(code="none", detail="Give another.")

    async def pay_out(self, context, request):
        return Outcome(status=OutcomeStatus.PENDING)

    async def fetch_payout(self, context, request, reference):
        return Outcome(status=OutcomeStatus.PENDING)

    def rehearsal(self):
        from guildbank.plugin_api.conformance import Rehearsal, Webhook
        async def subscribes(context, request):
            return {"transaction": "T1"}
        async def disputed(context, made):
            return "dp_1"
        return Rehearsal(
            pays="by_word", declines="never", keeps_books=False, found_by_attempt=False,
            confirms=lambda context, request: {"transaction": "T1"},
            redirected=lambda settings, url: {**settings, "word": url},
            webhook=lambda context: Webhook({"sent": context.tenant}, b"told"),
            no_old_webhooks="it takes none", subscribes=subscribes, disputed=disputed,
        )
"""
MORE = """sandbox=True, timeout_seconds=2, confirmed_by="buyer",
    capabilities=frozenset({"settlements", "usage", "payouts"}),"""
PAYMENT = PaymentRequest(
    attempt_id=new_id("att"), idempotency_key="k", amount_minor=900, currency="EUR",
    description="Coins", player_id="player_1", method="by_word",
)  # fmt: skip


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Any]:
    async with plugin_of(tmp_path, BODY, slot="PROVIDER", more=MORE) as plugin:
        yield plugin


async def test_somebodys_word_on_payments_refunds_and_payouts_is_taken(provider: Any) -> None:
    right, wrong = {"transaction": "T1"}, {"transaction": "T2"}
    assert isinstance(provider, Confirms)
    assert isinstance(provider, ConfirmsRefunds)
    assert isinstance(provider, ConfirmsPayouts)
    refund = RefundRequest(
        refund_id=new_id("ref"), idempotency_key="k", attempt_id=PAYMENT.attempt_id,
        payment_reference="r", amount_minor=300, currency="EUR",
    )  # fmt: skip
    payout = PayoutRequest(
        payout_id=new_id("out"), idempotency_key="k", amount_minor=200, currency="EUR",
        player_id="player_1", details={"iban": "x"},
    )  # fmt: skip
    for data, status in ((right, OutcomeStatus.PROCESSED), (wrong, None)):
        given = Confirmation(request=PAYMENT, reference=None, data=data, by="operator")
        said = [
            await provider.confirm(context_of(), given),
            await provider.confirm_refund(context_of(), refund, data),
            await provider.confirm_payout(context_of(), payout, data),
        ]
        if status is None:
            assert [type(one) for one in said] == [NotConfirmed] * 3
            continue
        amounts = [one.amount_minor for one in said if not isinstance(one, NotConfirmed)]
        assert amounts == [900, 300, 200]


async def test_usage_is_told_and_settlements_are_read_page_by_page(provider: Any) -> None:
    used = Usage(request=PAYMENT, reference="r", coins=10, spent=9)
    assert isinstance(provider, TellsUsage)
    assert await provider.tell_usage(context_of(), used) is True
    since = datetime(2026, 1, 1, tzinfo=UTC)
    settles: Any = provider
    page = await settles.settlements(context_of(), since, since + timedelta(days=1), None)
    (line,) = page.lines
    assert (line.kind, line.at, line.fee_minor, page.next) == (SettlementKind.FEE, since, 5, "2")
    last = await settles.settlements(context_of(), since, since + timedelta(days=1), "2")
    assert (last.lines, last.next) == ((), None)


async def test_its_rehearsal_is_played_on_both_sides_of_the_wall(provider: Any) -> None:
    rehearsal = provider.rehearsal()
    assert (rehearsal.pays, rehearsal.declines, rehearsal.sign) == ("by_word", "never", None)
    assert await rehearsal.confirms(context_of(), PAYMENT) == {"transaction": "T1"}
    assert rehearsal.redirected({"word": "a"}, "http://there") == {"word": "http://there"}
    here = context_of()
    assert await rehearsal.webhook(here) == Webhook({"sent": here.tenant}, b"told")
    assert await rehearsal.subscribes(here, PAYMENT) == {"transaction": "T1"}
    made = Outcome(status=OutcomeStatus.PROCESSED, reference="T1")
    assert await rehearsal.disputed(here, made) == "dp_1"
    assert rehearsal.renews is None


async def test_it_keeps_the_contract_of_its_slot_by_its_own_rehearsal(provider: Any) -> None:
    context = context_of("conformance", word="https://peer.example/")
    rehearsal = provider.rehearsal()
    checks = await run_provider_conformance(provider, context, rehearsal)
    # It remembers no capture, so its report has none.
    forgotten = "a_capture_is_reported_with_its_fee"
    failed = [one for one in checks if one.ran and not one.passed and one.name != forgotten]
    assert failed == []
    assert {"silence_is_unknown", "a_part_is_refunded"} <= {
        one.name for one in checks if one.passed
    }


HELPFUL = """
    async def before_provider(self, context, purchase):
        return Annotated()

    async def options(self, context, field):
        got = await context.http.send("GET", "https://peer.example/")
        return [Option(value=f"{field}-{got.status}", title=str(context.settings.get("word")))]

    def check_field(self, field, settings):
        wrong = settings[field] == "wrong"
        return [SettingProblem(field=field, detail="Not this one.")] if wrong else []

    async def health(self, context):
        return Health(well=False, detail="The peer sleeps.")
"""


async def test_whoever_fills_in_its_settings_is_helped_across_the_wall(tmp_path: Path) -> None:
    async with plugin_of(tmp_path, HELPFUL) as gate:
        context = context_of(word="red")
        offered = await offer_options(gate, gate.manifest, context, "word")
        assert offered.options == [Option(value="word-200", title="red")]
        (wrong,) = await check_field(gate, gate.manifest, "word", {"word": "wrong"})
        assert (wrong.field, wrong.detail) == ("word", "Not this one.")
        assert await check_field(gate, gate.manifest, "word", {"word": "right"}) == []
        assert await health_of(gate, gate.manifest, context) == (False, "The peer sleeps.")
