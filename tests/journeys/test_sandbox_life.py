"""All that can happen to money at a provider, clicked and called; the books are exact each time."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from tests.journeys.stall import BONUS, COINS, Stall, done, eventually, refused
from tests.servers.guildbank import GuildbankServer


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    """A studio that refuses refunds of spent coins."""
    with closing(Stall(server)) as opened:
        yield opened


@pytest.fixture
def lenient(server: GuildbankServer) -> Iterator[Stall]:
    """A studio that books a debt for coins that were spent."""
    with closing(Stall(server, "debt")) as opened:
        yield opened


def test_a_customer_pays_on_the_hosted_page(stall: Stall):
    payment = stall.buy()
    assert payment["state"] == "requires_action"
    back = stall.press(payment, "pay")
    assert back is not None
    assert back.startswith("https://game.example/thanks?reference=att_")
    stall.becomes(payment, "credited")
    stall.has(paid=COINS, bonus=BONUS)
    assert done(stall.http.get("/v1/payments"))["items"][0]["id"] == payment["id"]
    stall.books(captured="4.99", unspent="4.99")


def test_a_customer_whose_bank_wants_a_confirmation_gives_it(stall: Stall):
    payment = stall.buy()
    stall.press(payment, "confirm")
    assert stall.payment(payment)["state"] == "requires_action"
    assert stall.coins() == {}
    stall.press(payment, "approve")
    stall.becomes(payment, "credited")
    stall.has(paid=COINS, bonus=BONUS)
    stall.books(captured="4.99", unspent="4.99")


def test_a_declined_customer_tries_again_and_pays_once(stall: Stall):
    payment = stall.buy()
    stall.press(payment, "decline")
    stall.becomes(payment, "requires_payment_method")
    stall.books()
    again = f"/v1/payments/{payment['id']}/attempts"
    first, second = (stall.post(again, {}, "second-try") for _ in range(2))
    assert first["nextAction"] == second["nextAction"]
    assert [one["state"] for one in second["attempts"]] == ["declined", "pending"]
    stall.press(payment, "pay")
    stall.becomes(payment, "credited")
    stall.has(paid=COINS, bonus=BONUS)
    assert refused(stall.send(again, {}))[0] in (409, 422)
    stall.books(captured="4.99", unspent="4.99")


def test_a_customer_who_leaves_pays_nothing(stall: Stall):
    payment = stall.buy()
    back = stall.press(payment, "cancel")
    assert back is not None
    stall.becomes(payment, "requires_payment_method")
    assert done(stall.send(f"/v1/payments/{payment['id']}/cancel", {}))["state"] == "canceled"
    assert stall.coins() == {}
    stall.books()


@pytest.mark.parametrize(("button", "webhooks"), [("pay_duplicate", 4), ("pay_reordered", 3)])
def test_webhooks_that_come_twice_or_in_the_wrong_order_credit_once(
    stall: Stall, button: str, webhooks: int
):
    payment = stall.buy()
    stall.press(payment, button)
    stall.delivered(payment, webhooks)
    stall.becomes(payment, "credited")
    stall.has(paid=COINS, bonus=BONUS)
    assert stall.credits() == 1
    stall.books(captured="4.99", unspent="4.99")


def test_the_same_purchase_sent_again_is_the_same_payment(stall: Stall):
    first, second = stall.buy("instant", "once"), stall.buy("instant", "once")
    assert first["id"] == second["id"]
    stall.becomes(first, "credited")
    stall.has(paid=COINS, bonus=BONUS)
    stall.books(captured="4.99", unspent="4.99")


def test_a_payment_after_a_time_out_is_found_by_webhook_or_by_the_janitor(
    server: GuildbankServer, stall: Stall
):
    """Nobody reads the payments meanwhile, because a read would look at the provider too."""
    with closing(Stall(server)) as silent, closing(Stall(server)) as slow:
        with ThreadPoolExecutor(2) as pool:
            answerless = pool.submit(stall.buy, "instant_timeout")
            forgotten = pool.submit(silent.buy, "instant_timeout_silent")
            late = slow.buy()
            slow.press(late, "pay_late")
        assert forgotten.result()["state"] == "unknown"
        assert "do not pay twice" in forgotten.result()["advice"]
        # Before the janitor asks again, an operator sees that somebody does not know.
        eventually(lambda: unknown_attempts(server) >= 1, patience=25)
        for one, payment in (
            (stall, answerless.result()),
            (silent, forgotten.result()),
            (slow, late),
        ):
            one.has(patience=75, paid=COINS, bonus=BONUS)
            assert one.payment(payment)["state"] == "credited"
            assert one.credits() == 1
            one.books(captured="4.99", unspent="4.99")


def unknown_attempts(server: GuildbankServer) -> int:
    """Return what an operator's page says of all tenants."""
    with server.client() as client:
        page = client.get("/metrics").text
    found = re.search(r"(?m)^guildbank_payments_attempts_unknown (\S+)$", page)
    assert found is not None
    return int(float(found[1]))


def test_a_full_refund_gives_all_money_and_takes_all_coins(stall: Stall):
    payment = stall.bought()
    first = done(stall.refund(payment, key="once"))
    assert done(stall.refund(payment, key="once"))["id"] == first["id"]
    eventually(lambda: stall.payment(payment)["refunds"][0]["state"] == "succeeded")
    assert (first["coins"], first["bonusCoins"], first["owedCoins"]) == (COINS, BONUS, 0)
    assert stall.coins() == {}
    stall.books(captured="4.99", refunded="4.99")
    status, _ = refused(stall.refund(payment))
    assert status in (409, 422)
    stall.books(captured="4.99", refunded="4.99")


def test_partial_refunds_sum_to_the_whole_to_the_coin_and_the_cent(stall: Stall):
    payment = stall.bought()
    part = stall.refunded(payment, "2.00")
    assert (part["coins"], part["bonusCoins"]) == (200, 20)
    assert stall.coins() == {"paid": 300, "bonus": 30}
    stall.books(captured="4.99", refunded="2.00", unspent="2.99")
    rest = stall.refunded(payment)
    assert rest["amount"] == {"amount": "2.99", "currency": "EUR"}
    assert (rest["coins"], rest["bonusCoins"]) == (300, 30)
    assert stall.coins() == {}
    stall.books(captured="4.99", refunded="4.99")


def test_a_refund_of_more_than_was_paid_is_refused(stall: Stall):
    payment = stall.bought()
    status, _ = refused(stall.refund(payment, "5.00"))
    assert status in (409, 422)
    assert stall.coins() == {"paid": COINS, "bonus": BONUS}
    stall.books(captured="4.99", unspent="4.99")


def test_spent_coins_are_not_refunded_where_the_studio_refuses_it(stall: Stall):
    payment = stall.bought()
    assert stall.move("spends", 100).status_code == 201
    assert refused(stall.refund(payment)) == (422, "refund_exceeds_unspent")
    assert stall.coins() == {"paid": 400, "bonus": BONUS}
    part = stall.refunded(payment, "3.99")
    assert (part["coins"], part["bonusCoins"], part["owedCoins"]) == (399, 39, 0)
    assert stall.coins() == {"paid": 1, "bonus": 11}
    stall.books(captured="4.99", refunded="3.99", unspent="0.01", recognised="0.99")


def test_spent_coins_are_owed_where_the_studio_allows_it(lenient: Stall):
    payment = lenient.bought()
    assert lenient.move("spends", 100).status_code == 201
    back = lenient.refunded(payment)
    assert (back["coins"], back["bonusCoins"], back["owedCoins"]) == (COINS, BONUS, 100)
    assert lenient.coins() == {"debt": 100}
    assert refused(lenient.move("spends", 1)) == (422, "debt_outstanding")
    assert lenient.move("grants", 150).status_code == 201
    assert lenient.coins() == {"free": 50}
    assert lenient.move("spends", 50).status_code == 201
    lenient.books(captured="4.99", refunded="4.99", recognised="0.99", writtenOff="-0.99")


def test_a_refund_made_by_the_providers_staff_takes_the_coins_as_well(stall: Stall):
    payment = stall.bought()
    stall.staff(payment, "refund", amount="2.00")
    stall.has(paid=300, bonus=30)
    stall.books(captured="4.99", refunded="2.00", unspent="2.99")
    stall.staff(payment, "refund", amount="2.99")
    stall.has()
    origins = [one["origin"] for one in stall.payment(payment)["refunds"]]
    assert origins == ["provider", "provider"]
    stall.books(captured="4.99", refunded="4.99")


def test_a_refund_by_the_providers_staff_of_spent_coins_is_owed_under_any_policy(stall: Stall):
    payment = stall.bought()
    assert stall.move("spends", 100).status_code == 201
    stall.staff(payment, "refund", amount="4.99")
    stall.has(debt=100)
    assert refused(stall.move("spends", 1)) == (422, "debt_outstanding")
    stall.books(captured="4.99", refunded="4.99", recognised="0.99", writtenOff="-0.99")


def test_a_dispute_sets_coins_aside_at_once_and_gives_them_back_when_won(stall: Stall):
    payment = stall.bought()
    reference = stall.payment(payment)["attempts"][0]["reference"]
    dispute = stall.play("/disputes", payment=reference, withdraw=False)
    stall.has()
    stall.books(captured="4.99", suspense="4.99")
    stall.play(f"/disputes/{dispute['id']}/withdraw")
    eventually(lambda: stall.payment(payment)["disputes"][0]["withdrawn"])
    stall.has()
    stall.books(captured="4.99", disputed="4.99")
    stall.play(f"/disputes/{dispute['id']}/close", won=True)
    eventually(lambda: stall.payment(payment)["disputes"][0]["state"] == "won")
    stall.has(paid=COINS, bonus=BONUS)
    assert stall.payment(payment)["disputes"][0]["reinstated"] is True
    stall.books(captured="4.99", unspent="4.99")


def test_a_lost_dispute_keeps_what_it_took(stall: Stall):
    payment = stall.bought()
    stall.staff(payment, "dispute", amount="4.99")
    stall.has()
    stall.staff(payment, "dispute_lost")
    eventually(lambda: stall.payment(payment)["disputes"][0]["state"] == "lost")
    assert stall.coins() == {}
    stall.books(captured="4.99", disputed="4.99")
    assert refused(stall.refund(payment))[0] in (409, 422)
    stall.books(captured="4.99", disputed="4.99")


def test_nothing_is_owed_of_spent_coins_while_a_dispute_is_open(lenient: Stall):
    payment = lenient.bought()
    assert lenient.move("spends", 100).status_code == 201
    lenient.staff(payment, "dispute", amount="4.99")
    lenient.has()
    assert refused(lenient.move("spends", 1)) == (422, "insufficient_funds")
    lenient.staff(payment, "dispute_won")
    lenient.has(paid=400, bonus=BONUS)
    assert lenient.move("spends", 1).status_code == 201
    lenient.books(captured="4.99", unspent="3.99", recognised="1.00")
