"""Disputes are answered in time, once, by people, and what became of the evidence is found out."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.bank import Bank
from tests.payments.scripted import Lost
from tests.payments.shop import Shop, open_shop

from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Dispute, Intent
from guildbank.payments.usecases.answer_dispute import answer_dispute
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.read_disputes import ShownDispute, disputes_due, get_dispute
from guildbank.plugin_api import (
    DisputeStand,
    DisputeStatus,
    EventKind,
    EvidenceRefused,
)

SAYS = {"product_description": "500 gems,\ncredited at once."}
OPENED, UPDATED = EventKind.DISPUTE_OPENED, EventKind.DISPUTE_UPDATED


class Court:
    """A shop with a disputed payment."""

    def __init__(self, shop: Shop, bank: Bank, intent: Intent) -> None:
        self.shop = shop
        self.bank = bank
        self.intent = intent

    @property
    def case(self) -> DisputeStand | None:
        """How the provider says that the dispute stands; None where it does not say."""
        return self.bank.cases.get("dp_1")

    @case.setter
    def case(self, case: DisputeStand | None) -> None:
        self.bank.cases = {} if case is None else {"dp_1": case}

    async def dispute(self) -> Dispute:
        (found,) = (await self.shop.dossier(self.intent)).disputes
        return found

    async def tell(self, kind: EventKind, **said: Any) -> None:
        (attempt,) = (await self.shop.dossier(self.intent)).attempts
        event = {"amount_minor": 499, "currency": "EUR", "dispute_reference": "dp_1", **said}
        await self.shop.event(kind, provider="bank", payment_reference=attempt.reference, **event)

    async def answer(
        self, key: str | None = None, texts: dict[str, str] | None = None
    ) -> ShownDispute | Refusal:
        dispute = await self.dispute()
        return await answer_dispute(
            self.shop.payments, self.shop.tenant, "op_olga", key or new_id("key"), dispute.id,
            texts or SAYS,
        )  # fmt: skip

    async def refused(self, texts: dict[str, str] | None = None) -> str:
        said = await self.answer(texts=texts)
        assert isinstance(said, Refusal), said
        return said.code

    async def state(self) -> str | None:
        return (await self.dispute()).evidence_state


@pytest.fixture
async def court(house: House) -> AsyncIterator[Court]:
    bank = Bank()
    shop = await open_shop(house, spent_coins="debt", plugins=(("bank", bank),))
    made = await configure_provider(
        shop.payments, shop.tenant, "bank", {"secret": "shh-quiet"}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    intent = await shop.buy(await shop.player(), provider="bank")
    court = Court(shop, bank, intent)
    due = shop.clock.now() + timedelta(days=7)
    court.case = DisputeStand(reference="dp_1", status=DisputeStatus.NEEDS_RESPONSE, answer_by=due)
    await court.tell(OPENED)
    yield court
    await shop.payments.drain()


async def test_what_the_provider_says_of_a_dispute_is_shown_with_its_deadline(court: Court):
    dispute = await court.dispute()
    assert court.case is not None
    assert (dispute.state, dispute.answer_by) == ("needs_response", court.case.answer_by)
    later = dispute.created_at + timedelta(days=9)
    court.case = msgspec.structs.replace(court.case, answer_by=later)
    await court.tell(UPDATED)
    await court.tell(UPDATED)
    assert (await court.dispute()).answer_by == later
    assert (await court.shop.kinds()).count("dispute_updated") == 1


async def test_an_update_that_nobody_can_be_asked_about_is_worked_on_later(court: Court):
    case, court.case = court.case, None
    assert case is not None
    await court.tell(UPDATED, dispute_status="under_review")
    assert (await court.dispute()).state == "needs_response"
    court.case = msgspec.structs.replace(case, status=DisputeStatus.UNDER_REVIEW)
    court.shop.clock.by += timedelta(seconds=5)
    assert await sweep_webhooks(court.shop.payments, court.shop.tenant) == 1
    assert (await court.dispute()).state == "under_review"


async def test_evidence_is_handed_in_once_by_whom_and_is_kept(court: Court):
    shown = await court.answer("mine")
    assert isinstance(shown, ShownDispute)
    assert shown.texts == SAYS
    dispute = shown.dispute
    assert (dispute.evidence_state, dispute.evidence_by) == ("submitted", "op_olga")
    assert dispute.state == "under_review"
    again = await court.answer("mine")
    assert isinstance(again, ShownDispute)
    assert again.dispute == dispute
    assert await court.refused() == "dispute_answered"
    (given,) = court.bank.given
    assert (given.reference, dict(given.texts)) == ("dp_1", SAYS)
    assert (await court.shop.kinds())[-2:] == ["dispute_answering", "dispute_answered"]


async def test_another_text_under_the_same_key_is_refused(court: Court):
    await court.answer("mine")
    other = await court.answer("mine", {"product_description": "Something else."})
    assert isinstance(other, Refusal)
    assert other.code == "key_reused"


async def test_after_the_deadline_evidence_is_refused_and_not_sent(court: Court):
    court.shop.clock.by += timedelta(days=7)
    assert await court.refused() == "dispute_answer_late"
    assert (court.bank.given, await court.state()) == ([], None)


async def test_evidence_that_the_bank_takes_none_of_or_that_came_elsewhere_is_refused(
    court: Court,
):
    case = court.case
    assert case is not None
    court.case = msgspec.structs.replace(case, answer_by=None)
    assert await court.refused() == "dispute_not_answerable"
    court.case = msgspec.structs.replace(case, status=DisputeStatus.LOST)
    assert await court.refused() == "dispute_not_answerable"
    court.case = msgspec.structs.replace(case, answered=True)
    assert await court.refused() == "dispute_answered"
    court.case = None
    assert await court.refused() == "provider_silent"
    assert court.bank.given == []


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param({"poem": "o"}, id="a text that it does not take"),
        pytest.param({"product_description": "x" * 41}, id="too long a text"),
    ],
)
async def test_texts_that_the_provider_does_not_take_are_refused_by_name(
    court: Court, texts: dict[str, str]
):
    said = await court.answer(texts=texts)
    assert isinstance(said, Refusal)
    assert (said.code, said.field) == ("bad_evidence", f"evidence.{next(iter(texts))}")


async def test_a_refusal_by_the_provider_leaves_room_for_another_try(court: Court):
    court.bank.on_evidence = EvidenceRefused(code="too_little", detail="Say more.")
    await court.answer()
    dispute = await court.dispute()
    assert (dispute.evidence_state, dispute.evidence_code) == ("refused", "too_little")
    court.bank.on_evidence = None
    await court.answer()
    assert await court.state() == "submitted"


async def test_what_was_refused_here_is_not_shown_as_what_was_handed_in_elsewhere(court: Court):
    court.bank.on_evidence = EvidenceRefused(code="too_little", detail="Say more.")
    await court.answer()
    assert court.case is not None
    court.case = msgspec.structs.replace(court.case, answered=True)
    await court.tell(UPDATED)
    shown = await get_dispute(court.shop.payments, court.shop.tenant, (await court.dispute()).id)
    assert isinstance(shown, ShownDispute)
    dispute = shown.dispute
    assert (dispute.evidence_state, dispute.evidence_by, dispute.evidence_code) == (
        "submitted", None, None,
    )  # fmt: skip
    assert dict(shown.texts) == {}


@pytest.mark.parametrize("arrived", [True, False])
async def test_silence_about_evidence_is_looked_into_and_it_counts_once(
    court: Court, arrived: bool
):
    court.bank.on_evidence, court.bank.takes_it = Lost(), arrived
    await court.answer()
    assert await court.state() == "unknown"
    assert await court.refused() == "dispute_answered"
    court.bank.on_evidence, court.bank.takes_it = None, True
    assert await court.shop.later(minutes=1) == 1
    assert await court.state() == "submitted"
    keys = {given.idempotency_key for given in court.bank.given}
    assert (len(court.bank.given), len(keys)) == (1 if arrived else 2, 1)


async def test_evidence_that_never_arrived_in_time_is_told_of(court: Court):
    court.bank.on_evidence, court.bank.takes_it = Lost(), False
    await court.answer()
    await court.shop.later(days=8)
    dispute = await court.dispute()
    assert (dispute.evidence_state, dispute.evidence_code) == ("refused", "too_late")


async def test_disputes_that_are_due_soon_are_counted_until_somebody_answers(court: Court):
    payments, tenant = court.shop.payments, court.shop.tenant
    assert await disputes_due(payments, tenant) == 0
    court.shop.clock.by += timedelta(days=5)
    assert await disputes_due(payments, tenant) == 1
    await court.answer()
    assert await disputes_due(payments, tenant) == 0


async def test_a_dispute_at_a_provider_that_takes_nothing_is_answered_there(house: House):
    shop = await open_shop(house)
    intent = await shop.buy(await shop.player())
    (attempt,) = (await shop.dossier(intent)).attempts
    await shop.event(
        OPENED, payment_reference=attempt.reference, dispute_reference="dp_2", amount_minor=499,
        currency="EUR",
    )  # fmt: skip
    (dispute,) = (await shop.dossier(intent)).disputes
    said = await answer_dispute(shop.payments, shop.tenant, "op_olga", "key", dispute.id, SAYS)
    assert isinstance(said, Refusal)
    assert said.code == "dispute_not_answerable"
    shown = await get_dispute(shop.payments, shop.tenant, dispute.id)
    assert isinstance(shown, ShownDispute)
    assert (dict(shown.takes), shown.dispute.answer_by) == ({}, None)
