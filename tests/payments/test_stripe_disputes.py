"""Disputes at Stripe, played by the lab: deadlines, evidence that people hand in, and the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.stripe_till import Till, open_till
from tests.payments.web import Web
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Dispute, Intent
from guildbank.payments.usecases.answer_dispute import answer_dispute
from guildbank.payments.usecases.read_disputes import ShownDispute

SAYS = {
    "product_description": "500 gems, credited at once.",
    "access_activity_log": "2026-11-20T10:02:11Z spent 500 gems\n2026-11-20T10:05:40Z left",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=4) as running:
        yield running


@pytest.fixture
async def opened(house: House, lab: LabServer) -> AsyncIterator[tuple[Till, Web]]:
    async with open_till(house, lab) as opened:
        yield opened


@pytest.fixture
def till(opened: tuple[Till, Web]) -> Till:
    return opened[0]


async def bought(till: Till) -> Intent:
    intent = await till.buy(await till.shop.player())
    assert intent.state == "credited"
    return intent


async def answer(till: Till, dispute: Dispute, **texts: str) -> ShownDispute | Refusal:
    return await answer_dispute(
        till.shop.payments, till.shop.tenant, "op_olga", new_id("key"), dispute.id, texts or SAYS
    )


async def again(till: Till, intent: Intent) -> Dispute:
    return (await till.shop.dossier(intent)).disputes[-1]


async def test_a_dispute_tells_its_reason_and_until_when_it_is_answered(
    opened: tuple[Till, Web],
):
    till, web = opened
    intent = await bought(till)
    dispute = await till.dispute(intent, reason="product_not_received", answer_days=7)
    assert (dispute.state, dispute.reason) == ("needs_response", "product_not_received")
    assert dispute.answer_by is not None
    left = dispute.answer_by - till.shop.clock.now()
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    async with await web.machine("payments:read") as http:
        (listed,) = (await http.get("/v1/disputes", params={"dueWithinHours": 200})).json()["items"]
        assert (listed["id"], listed["paymentId"]) == (dispute.id, intent.id)
        assert (await http.get("/v1/disputes?dueWithinHours=24")).json()["items"] == []
        shown = (await http.get(f"/v1/disputes/{dispute.id}")).json()
        paid = (await http.get(f"/v1/payments/{intent.id}")).json()
    assert (shown["reference"], shown["answer"]) == (dispute.reference, None)
    assert shown["takes"]["product_description"] == 20_000
    assert paid["disputes"][0]["answerBy"] == shown["answerBy"] == listed["answerBy"]


async def test_a_deadline_that_stripe_moves_is_moved(till: Till):
    intent = await bought(till)
    dispute = await till.dispute(intent)
    assert dispute.answer_by is not None
    due = int(dispute.answer_by.timestamp()) + 86_400
    await till.at_lab(f"/disputes/{dispute.reference}/deadline", due_by=due)
    await till.rest()
    assert (await again(till, intent)).answer_by == dispute.answer_by + timedelta(days=1)


async def test_evidence_reaches_stripe_and_a_dispute_that_is_won_gives_all_back(till: Till):
    intent = await bought(till)
    before = await till.shop.left()
    dispute = await till.dispute(intent)
    assert await till.shop.left() == {}
    done = await answer(till, dispute)
    assert isinstance(done, ShownDispute)
    assert (done.dispute.evidence_state, done.dispute.state) == ("submitted", "under_review")
    late = await answer(till, dispute)
    assert isinstance(late, Refusal)
    assert late.code == "dispute_answered"
    ended = await till.at_lab(f"/disputes/{dispute.reference}/decide", outcome="won")
    assert (ended["evidence"], ended["evidence_details"]["submission_count"]) == (SAYS, 1)
    await till.rest()
    assert (await again(till, intent)).state == "won"
    assert await till.shop.left() == before


async def test_what_was_answered_at_the_dashboard_is_not_answered_again(till: Till):
    intent = await bought(till)
    dispute = await till.dispute(intent)
    await till.at_lab(f"/disputes/{dispute.reference}/answer", evidence={"service_date": "today"})
    await till.rest()
    known = await again(till, intent)
    assert (known.evidence_state, known.evidence_by) == ("submitted", None)
    said = await answer(till, dispute)
    assert isinstance(said, Refusal)
    assert said.code == "dispute_answered"


async def test_an_inquiry_takes_no_money_and_is_answered_too(till: Till):
    intent = await bought(till)
    before = await till.shop.left()
    dispute = await till.dispute(intent, inquiry=True)
    assert (dispute.state, dispute.withdrawn) == ("early_warning", False)
    done = await answer(till, dispute)
    assert isinstance(done, ShownDispute)
    assert done.dispute.state == "under_review"
    await till.at_lab(f"/disputes/{dispute.reference}/decide", outcome="won")
    await till.rest()
    assert (await again(till, intent)).state == "won"
    assert await till.shop.left() == before


async def test_a_bank_that_takes_no_answer_is_sent_none(till: Till):
    intent = await bought(till)
    dispute = await till.dispute(intent, answer_days=0)
    assert dispute.answer_by is None
    said = await answer(till, dispute)
    assert isinstance(said, Refusal)
    assert said.code == "dispute_not_answerable"


async def test_after_the_deadline_nothing_is_sent(till: Till):
    intent = await bought(till)
    dispute = await till.dispute(intent)
    till.shop.clock.by += timedelta(days=7)
    said = await answer(till, dispute)
    assert isinstance(said, Refusal)
    assert said.code == "dispute_answer_late"


@pytest.mark.parametrize("effect", ["silence", "lost", "error_before", "error_after"])
async def test_evidence_without_an_answer_is_handed_in_once(till: Till, effect: str):
    intent = await bought(till)
    dispute = await till.dispute(intent)
    await till.turn(dispute.reference, "evidence", effect)
    await answer(till, dispute)
    await till.rest()
    assert (await again(till, intent)).evidence_state in ("unknown", "submitted")
    await till.shop.later(minutes=1)
    assert (await again(till, intent)).evidence_state == "submitted"
    ended = await till.at_lab(f"/disputes/{dispute.reference}/decide", outcome="lost")
    assert ended["evidence_details"]["submission_count"] == 1


async def test_evidence_that_stripe_refuses_can_be_given_again(till: Till):
    intent = await bought(till)
    dispute = await till.dispute(intent)
    await till.turn(dispute.reference, "evidence", "PARAMETER_INVALID_STRING_EMPTY")
    await answer(till, dispute)
    refused = await again(till, intent)
    assert (refused.evidence_state, refused.evidence_code) == (
        "refused", "parameter_invalid_string_empty",
    )  # fmt: skip
    await answer(till, dispute)
    assert (await again(till, intent)).evidence_state == "submitted"


async def test_two_who_answer_at_once_send_one_answer(till: Till):
    intent = await bought(till)
    dispute = await till.dispute(intent)
    said = await asyncio.gather(*(answer(till, dispute) for _ in range(4)))
    assert sum(isinstance(one, ShownDispute) for one in said) == 1
    ended = await till.at_lab(f"/disputes/{dispute.reference}/decide", outcome="lost")
    assert ended["evidence_details"]["submission_count"] == 1
