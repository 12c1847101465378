"""Confirmations when answers are lost, time is over, looks come between, or people must agree."""

from typing import Any

import pytest
from tests.approvals.office import Office, ask, decide, read, waits
from tests.payments.test_confirmations import (
    CODED,
    books_agree,
    buy,
    came,
    city,
    confirm,
    office,
    player_of,
    state,
)
from tests.studio import done, refused

from guildbank.payments.usecases.cancel import expire_payments
from guildbank.payments.usecases.look import janitor
from guildbank.plugin_api import Confirmation, Context

__all__ = ["city", "office"]


async def refunds(office: Office, payment: dict[str, Any]) -> list[dict[str, Any]]:
    path = f"/v1/payments/{payment['id']}/refunds"
    found: list[dict[str, Any]] = done(await office.olga.http.get(path))["items"]
    return found


async def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await buy(office, "coded")
    body = {"data": {"code": "good-lost"}}

    async def lose(context: Context, given: Confirmation) -> None:
        raise TimeoutError

    async with await player_of(office) as http:
        with monkeypatch.context() as lost:
            lost.setattr(CODED, "confirm", lose)
            answer = done(await confirm(office, payment, body, who=http, key="once"))
        assert answer["state"] == "requires_action"
        answer = done(await confirm(office, payment, body, who=http, key="once"))
    assert answer["state"] == "credited"
    assert await office.coins() == 500
    await books_agree(office)


async def test_looks_leave_a_transfer_waiting_with_its_instructions(office: Office) -> None:
    payment = await buy(office)
    await office.studio.sql("UPDATE payments_attempt SET changed_at = now() - INTERVAL '2 hours'")
    assert await janitor(office.city.services.payments, office.studio.ref) == 1
    found = done(await office.studio.http.get(f"/v1/payments/{payment['id']}"))
    assert found["state"] == "requires_action"
    assert found["nextAction"] == payment["nextAction"]


async def test_money_after_the_time_is_over_is_booked_and_waits_to_be_sent_back(
    office: Office,
) -> None:
    payment = await buy(office)
    await office.studio.sql("UPDATE payments_intent SET expires_at = now()")
    await expire_payments(office.city.services.payments, office.studio.ref)
    assert await state(office, payment) == "expired"
    late = done(await confirm(office, payment, came("tx-1")))
    assert late["state"] == "expired"
    (refund,) = await refunds(office, payment)
    assert (refund["state"], refund["origin"]) == ("pending", "system")
    assert await office.coins() == 0
    await books_agree(office)


async def test_a_wrong_amount_that_was_agreed_to_is_given_back_too(office: Office) -> None:
    payment = await buy(office)
    await office.policy({"verb": "payments.confirm", "asset": "EUR", "above": 500})
    asked = waits(await confirm(office, payment, came("tx-1", "9.00")))
    assert asked["amounts"] == [{"asset": "EUR", "amount": 900}]
    done(await decide(office.pavel, asked))
    assert await state(office, payment) == "conflicted"
    assert [one["state"] for one in await refunds(office, payment)] == ["pending"]
    await books_agree(office)


async def test_the_key_of_what_waits_leads_to_the_same_approval_for_ever(office: Office) -> None:
    payment = await buy(office)
    await office.policy({"verb": "payments.confirm"})
    asked = waits(await confirm(office, payment, came("tx-1"), key="large"))
    again = waits(await confirm(office, payment, came("tx-1"), key="large"))
    assert again["id"] == asked["id"]
    done(await decide(office.pavel, asked))
    assert (await read(office.olga, asked))["state"] == "executed"
    again = waits(await confirm(office, payment, came("tx-1"), key="large"))
    assert (again["id"], again["state"]) == (asked["id"], "executed")
    assert await office.coins() == 500


async def test_operators_name_an_attempt_and_nobody_else_does(office: Office) -> None:
    payment = await buy(office)
    attempt = payment["attempts"][0]["id"]
    strange = {**came("tx-1"), "attemptId": "att_01kag3pyqmf9aag12vtrsy70ps"}
    assert refused(await confirm(office, payment, strange)) == (404, "not_found")
    named = {**came("tx-1"), "attemptId": attempt}
    by_key = await confirm(office, payment, named, who=office.studio.http)
    assert refused(by_key) == (403, "forbidden")
    assert done(await confirm(office, payment, named))["state"] == "credited"


@pytest.mark.parametrize(
    "data",
    [
        {f"name{number}": "x" for number in range(21)},
        {"code": "x" * 201},
        {"code": "x" * 16_001},
        {"code": "two\nlines"},
        {"Code": "x"},
        {"code": ""},
    ],
)
async def test_data_have_limits(office: Office, data: dict[str, str]) -> None:
    payment = await buy(office, "coded")
    answer = await confirm(office, payment, {"data": data})
    assert answer.status_code in (400, 422), answer.text
    assert CODED.asked == 0 or "confirmation_refused" not in answer.text


async def test_a_key_is_required(office: Office) -> None:
    payment = await buy(office)
    answer = await office.olga.http.post(
        f"/v1/payments/{payment['id']}/confirmation", json=came("tx-1")
    )
    assert answer.status_code == 400, answer.text
    assert await state(office, payment) == "requires_action"


async def test_a_transaction_sends_back_one_refund_only(office: Office) -> None:
    payment = await buy(office)
    done(await confirm(office, payment, came("tx-1")))
    parts = []
    for number in range(2):
        body = {"amount": {"amount": "1.00", "currency": "EUR"}}
        path = f"/v1/payments/{payment['id']}/refunds"
        parts.append(done(await ask(office.olga.http, path, body, f"part-{number}")))
    sent = {"data": {"transaction": "out-1"}}
    first, second = [f"/v1/refunds/{one['id']}/confirmation" for one in parts]
    assert done(await ask(office.olga.http, first, sent))["state"] == "succeeded"
    assert refused(await ask(office.olga.http, second, sent)) == (409, "transaction_used")
    await books_agree(office)
