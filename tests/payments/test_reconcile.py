"""The books are held against a provider's report: each line is named, and each fee booked once."""

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count

import asyncpg
import msgspec

from tests.payments.scripted import Lost, UNKNOWN, processed  # isort: skip
from tests.payments.reckoning import begun, lines_of, reconciled, runs_of
from tests.payments.shop import Shop

from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.read_reconciliations import read_reconciliation
from guildbank.payments.usecases.reconcile import Period, reconcile, start_reconciliation
from guildbank.plugin_api import EventKind, Settlement, SettlementKind

_numbers = count(1)
CUT_EVERY_OTHER = """
CREATE SEQUENCE payments_cut;

CREATE FUNCTION payments_cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('payments_cut') % 2 = 1 THEN
        RAISE EXCEPTION 'the worker is gone';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER payments_cut BEFORE UPDATE ON payments_settlement
FOR EACH ROW EXECUTE FUNCTION payments_cut();
"""
"""After a fee was booked, every other line's outcome is lost with the transaction that keeps it."""


def reported(
    kind: SettlementKind, gross: int, fee: int = 0, *, at: datetime, **said: str
) -> Settlement:
    money = said.pop("currency", "EUR")
    transaction = said.pop("transaction", f"txn_{next(_numbers)}")
    return Settlement(
        transaction=transaction, kind=kind, at=at, currency=money, gross_minor=gross,
        fee_minor=fee, net_minor=gross - fee, **said,
    )  # fmt: skip


def capture(shop: Shop, intent: Intent, gross: int = 499, fee: int = 20, **said: str) -> Settlement:
    said.setdefault("reference", f"pi_{intent.attempt_id}")
    return reported(SettlementKind.CAPTURE, gross, fee, at=shop.clock.now(), **said)


async def proved(shop: Shop) -> dict[str, int]:
    """Prove the books; return what the proof says of euros."""
    proof = await prove(shop.house.db, shop.tenant.schema)
    assert proof.ok, proof.problems
    (money,) = [one for one in proof.money if one.money == "EUR"]
    return {"captured": money.captured, "refunded": money.refunded, "disputed": money.disputed,
            "fees": money.fees, "held": money.held}  # fmt: skip


async def test_a_capture_that_both_have_is_matched_and_its_fee_booked(shop: Shop):
    intent = await shop.buy(await shop.player())
    shop.script.settled = [capture(shop, intent)]
    (line,) = await reconciled(shop)
    assert (line.state, line.payment_id, line.ours_minor) == ("matched", intent.id, 499)
    assert line.fee_seq is not None
    assert await shop.money() == {"provider:scripted": -479, "backing": 499, "fees": -20}
    assert await proved(shop) == {
        "captured": 499, "refunded": 0, "disputed": 0, "fees": 20, "held": 479,
    }  # fmt: skip


async def test_a_fee_is_booked_once_however_often_its_line_is_read(shop: Shop):
    intent = await shop.buy(await shop.player())
    shop.script.settled = [capture(shop, intent)]
    first, again = await reconciled(shop), await reconciled(shop)
    assert [one.fee_seq for one in first] == [one.fee_seq for one in again]
    assert (await proved(shop))["fees"] == 20


async def test_a_fee_of_another_amount_under_the_same_line_is_not_booked(shop: Shop):
    intent = await shop.buy(await shop.player())
    shop.script.settled = [capture(shop, intent, transaction="txn_same")]
    await reconciled(shop)
    shop.script.settled = [capture(shop, intent, fee=30, transaction="txn_same")]
    (line,) = await reconciled(shop)
    assert line.fee_seq is None
    assert (await proved(shop))["fees"] == 20


async def test_a_fee_that_is_given_back_leaves_the_fees(shop: Shop):
    now = shop.clock.now()
    shop.script.settled = [
        reported(SettlementKind.FEE, 0, 50, at=now),
        reported(SettlementKind.FEE, 0, -30, at=now),
    ]
    await shop.buy(await shop.player())
    assert [line.state for line in await reconciled(shop)] == ["fee", "fee"]
    assert (await proved(shop))["fees"] == 20
    assert (await shop.money())["fees"] == -20


async def test_a_capture_that_the_books_lack_is_looked_at_and_credited(shop: Shop):
    shop.script.on_create = Lost()
    intent = await shop.buy(await shop.player())
    assert await shop.state(intent) == "unknown"
    attempt = str(intent.attempt_id)
    shop.script.stands[attempt] = processed(499, reference=f"pi_{attempt}")
    shop.script.settled = [capture(shop, intent, attempt_id=attempt)]
    (line,) = await reconciled(shop)
    assert (line.state, line.looked) == ("matched", True)
    assert await shop.state(intent) == "credited"


async def test_money_that_buys_nothing_goes_to_unapplied_by_the_usual_door(shop: Shop):
    shop.script.on_create = Lost()
    intent = await shop.buy(await shop.player())
    attempt = str(intent.attempt_id)
    shop.script.stands[attempt] = processed(700, reference=f"pi_{attempt}")
    shop.script.on_refund = UNKNOWN
    shop.script.settled = [capture(shop, intent, 700, attempt_id=attempt)]
    (line,) = await reconciled(shop)
    assert (line.state, line.ours_minor) == ("matched", 700)
    assert await shop.state(intent) == "conflicted"
    assert "conflicted" in await shop.kinds()


async def test_a_capture_of_nobody_is_missing_here_and_books_nothing_but_its_fee(shop: Shop):
    await shop.buy(await shop.player())
    stray = reported(
        SettlementKind.CAPTURE, 900, 9, at=shop.clock.now(), reference="pi_of_another_shop"
    )
    shop.script.settled = [stray]
    (line,) = await reconciled(shop)
    assert (line.state, line.payment_id, line.looked) == ("missing_here", None, False)
    assert (await proved(shop))["captured"] == 499


async def test_other_amounts_other_money_and_the_same_line_twice_are_named(shop: Shop):
    one, two, three = [await shop.buy(await shop.player()) for _ in range(3)]
    shop.script.settled = [
        capture(shop, one, 498),
        capture(shop, two, currency="USD", fee=0),
        capture(shop, three),
        capture(shop, three),
    ]
    found = await reconciled(shop)
    assert [line.state for line in found] == [
        "amount_differs", "currency_differs", "matched", "duplicate",
    ]  # fmt: skip
    # Whoever is charged a fee for a line that is there twice has it looked at by a person.
    assert [line.fee_seq is not None for line in found] == [True, False, True, False]


async def test_a_capture_that_no_report_has_in_time_is_missing_there(shop: Shop):
    intent = await shop.buy(await shop.player())
    assert await reconciled(shop) == []
    shop.clock.by += timedelta(days=4)
    (line,) = await reconciled(shop)
    assert (line.state, line.attempt_id, line.gross_minor) == (
        "missing_there", intent.attempt_id, 499,
    )  # fmt: skip
    shop.script.settled = [capture(shop, intent)]
    assert [line.state for line in await reconciled(shop)] == ["matched"]


async def test_refunds_are_matched_and_those_of_the_dashboard_are_booked(shop: Shop):
    intent = await shop.buy(await shop.player())
    refund = await shop.refunded(intent, 100)
    now, payment = shop.clock.now(), f"pi_{intent.attempt_id}"
    shop.script.refund_stands["re_by_hand"] = processed(99, reference="re_by_hand")
    shop.script.settled = [
        reported(SettlementKind.REFUND, -100, at=now, reference=f"re_{refund.id}"),
        reported(
            SettlementKind.REFUND, -99, at=now, reference="re_by_hand", payment_reference=payment
        ),
    ]
    ours, theirs = await reconciled(shop)
    assert (ours.state, ours.looked) == ("matched", False)
    assert (theirs.state, theirs.looked) == ("matched", True)
    assert (await proved(shop))["refunded"] == 199


async def test_disputes_are_matched_both_ways_and_payouts_are_kept(shop: Shop):
    intent = await shop.buy(await shop.player())
    said = {"attempt_id": intent.attempt_id, "dispute_reference": "dp_1", "amount_minor": 499,
            "currency": "EUR"}  # fmt: skip
    await shop.event(EventKind.DISPUTE_FUNDS_WITHDRAWN, **said)
    now = shop.clock.now()
    shop.script.settled = [
        reported(SettlementKind.DISPUTE, -499, 1500, at=now, reference="dp_1"),
        reported(SettlementKind.PAYOUT, -10_000, at=now, payout="po_1"),
        reported(SettlementKind.DISPUTE, -1, at=now, reference="dp_unheard_of"),
    ]
    states = [line.state for line in await reconciled(shop)]
    assert states == ["matched", "noted", "missing_here"]
    assert await proved(shop) == {
        "captured": 499, "refunded": 0, "disputed": 499, "fees": 1500, "held": -1500,
    }  # fmt: skip


async def test_a_dispute_that_a_report_does_not_name_is_the_one_about_its_payment(shop: Shop):
    one, two = await shop.buy(await shop.player()), await shop.buy(await shop.player())
    for number, (intent, amount) in enumerate(((one, 100), (one, 399), (two, 499))):
        said = {"attempt_id": intent.attempt_id, "dispute_reference": f"dp_{number}",
                "amount_minor": amount, "currency": "EUR"}  # fmt: skip
        await shop.event(EventKind.DISPUTE_FUNDS_WITHDRAWN, **said)
    untold = await shop.buy(await shop.player())
    now, attempts = shop.clock.now(), [str(it.attempt_id) for it in (one, two, untold)]
    shop.script.settled = [
        reported(SettlementKind.DISPUTE, -399, at=now, attempt_id=attempts[0]),
        reported(SettlementKind.DISPUTE, -499, at=now, attempt_id=attempts[1]),
        reported(SettlementKind.DISPUTE, -499, at=now, attempt_id=attempts[2]),
    ]
    found = [(line.state, line.ours_minor) for line in await reconciled(shop)]
    assert found == [("matched", -399), ("matched", -499), ("missing_here", None)]


async def test_a_provider_that_does_not_answer_is_asked_again(shop: Shop):
    intent = await shop.buy(await shop.player())
    shop.script.settled = [Lost(), capture(shop, intent)]
    run = await begun(shop)
    await reconcile(shop.payments, shop.tenant)
    found = await read_reconciliation(shop.payments, shop.tenant, run.id)
    assert not isinstance(found, Refusal)
    assert (found.run.state, found.run.problem) == ("reading", "no_answer")
    await reconcile(shop.payments, shop.tenant)
    found = await read_reconciliation(shop.payments, shop.tenant, run.id)
    assert not isinstance(found, Refusal)
    assert (found.run.state, found.run.problem, found.counts) == ("done", None, {"matched": 1})


async def test_a_line_whose_sum_is_wrong_fails_the_run(shop: Shop):
    intent = await shop.buy(await shop.player())
    bad = msgspec.structs.replace(capture(shop, intent), net_minor=1)
    shop.script.settled = [bad]
    assert await reconciled(shop) == []
    (run,) = await runs_of(shop)
    assert (run.state, run.problem) == ("failed", "malformed_line")
    assert (await proved(shop))["fees"] == 0


async def test_a_run_that_was_killed_anywhere_goes_on_and_books_nothing_twice(shop: Shop):
    bought = [await shop.buy(await shop.player()) for _ in range(5)]
    shop.script.settled = [capture(shop, one) for one in bought]
    run = await begun(shop)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(CUT_EVERY_OTHER)
    for _ in range(12):
        with suppress(asyncpg.RaiseError):
            await reconcile(shop.payments, shop.tenant)
    assert [one.state for one in await lines_of(shop, run)] == ["matched"] * 5
    assert await proved(shop) == {
        "captured": 5 * 499, "refunded": 0, "disputed": 0, "fees": 100, "held": 5 * 479,
    }  # fmt: skip


async def test_a_period_must_lie_behind_us_and_its_key_answers_the_same(shop: Shop):
    now = shop.clock.now()
    for since, until in ((now, now), (now, now + timedelta(days=1)),
                         (now - timedelta(days=400), now)):  # fmt: skip
        wanted = Period("scripted", since, until)
        refused = await start_reconciliation(shop.payments, shop.tenant, "app", "k", wanted)
        assert isinstance(refused, Refusal)
        assert refused.code == "bad_period"
    since = now - timedelta(days=1)
    first = await begun(shop, "once", since=since, until=now)
    assert (await begun(shop, "once", since=since, until=now)).id == first.id
