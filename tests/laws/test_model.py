"""The reference model itself, by examples that a person can check with coins on a table."""

from fractions import Fraction

from tests.laws.coins import Clawed, Credit, Hold, Restored, Spend
from tests.laws.model import Model

GOLD = "gold"


def shop() -> Model:
    return Model({GOLD: ("bonus", "free", "paid")})


def bought(model: Model, amount: int, price_minor: int, payment_id: str = "pay_1") -> Credit:
    credit = model.buy(
        "ann", GOLD, amount, payment_id=payment_id, price_minor=price_minor, money="EUR"
    )
    assert isinstance(credit, Credit)
    return credit


def granted(model: Model, amount: int, bucket: str = "free") -> Credit:
    credit = model.grant("ann", GOLD, amount, bucket=bucket)
    assert isinstance(credit, Credit)
    return credit


def spent(model: Model, amount: int) -> Spend:
    spend = model.spend("ann", GOLD, amount)
    assert isinstance(spend, Spend)
    return spend


def held(model: Model, amount: int, expires_at: float | None = None) -> Hold:
    hold = model.hold("ann", GOLD, amount, expires_at=expires_at)
    assert isinstance(hold, Hold)
    return hold


def assert_money_backs_coins(model: Model) -> None:
    backed = model.recognised_basis()["EUR"] + model.written_off_basis()["EUR"]
    backed += sum(model.unspent_basis().values())
    assert model.captured()["EUR"] - model.refunded()["EUR"] == backed


def test_a_spend_uses_buckets_in_order_and_names_the_payments_behind() -> None:
    model = shop()
    bought(model, 5, 100)
    bought(model, 5, 200, "pay_2")
    granted(model, 3)
    spend = spent(model, 10)
    assert spend.per_bucket == {"free": 3, "paid": 7}
    assert spend.payments == [(None, 3), ("pay_1", 5), ("pay_2", 2)]
    assert model.recognised_basis() == {"EUR": 180}
    assert model.unspent_basis() == {("EUR", Fraction(40)): 120}


def test_what_is_not_there_or_not_positive_is_refused_and_changes_nothing() -> None:
    model = shop()
    granted(model, 3)
    assert model.spend("ann", GOLD, 4) == "insufficient_funds"
    assert model.spend("ann", GOLD, 0) == "amount_not_positive"
    assert model.grant("ann", GOLD, -1) == "amount_not_positive"
    assert model.balance("ann", GOLD) == 3


def test_a_hold_is_captured_in_parts_and_never_above_what_was_held() -> None:
    model = shop()
    granted(model, 4, "bonus")
    bought(model, 6, 60)
    hold = held(model, 8)
    assert (model.held("ann", GOLD, "bonus"), model.held("ann", GOLD, "paid")) == (4, 4)
    assert model.spend("ann", GOLD, 3) == "insufficient_funds"
    first = model.capture(hold, 5)
    assert isinstance(first, Spend)
    assert first.per_bucket == {"bonus": 4, "paid": 1}
    assert model.capture(hold, 4) == "exceeds_hold"
    assert model.release(hold) == 3
    assert model.capture(hold) == "hold_closed"
    assert (model.balance("ann", GOLD), model.held("ann", GOLD)) == (5, 0)


def test_an_expired_hold_binds_until_it_is_swept_and_is_never_captured() -> None:
    model = shop()
    granted(model, 5)
    hold = held(model, 5, expires_at=10.0)
    model.now = 10.0
    assert model.capture(hold, 1) == "hold_expired"
    assert model.available("ann", GOLD) == 0
    assert model.expire_holds() == [hold]
    assert model.available("ann", GOLD) == 5


def test_reversals_put_back_the_earliest_spent_coins_and_never_more_than_were_spent() -> None:
    model = shop()
    granted(model, 2, "bonus")
    bought(model, 4, 100)
    spend = spent(model, 5)
    assert model.reverse_spend(spend, 3) == Restored({"bonus": 2, "paid": 1})
    assert model.reverse_spend(spend, 3) == "exceeds_original"
    assert model.reverse_spend(spend) == Restored({"paid": 2})
    assert model.reverse_spend(spend) == "exceeds_original"
    assert [c.index for c in model.unspent_coins("ann", GOLD, "paid")] == [3, 0, 1, 2]


def test_a_refund_takes_the_purchases_own_coins_with_those_that_a_reversal_put_back() -> None:
    model = shop()
    first = bought(model, 4, 100)
    bought(model, 4, 200, "pay_2")
    model.reverse_spend(spent(model, 5), 4)
    refund = model.refund(first, 3, policy="refuse")
    assert isinstance(refund, Clawed)
    assert [coin.index for coin in refund.coins] == [1, 2, 3]
    left = [(c.origin.payment_id, c.index) for c in model.unspent_coins("ann", GOLD, "paid")]
    assert left == [("pay_2", 1), ("pay_2", 2), ("pay_2", 3), ("pay_1", 0)]
    assert_money_backs_coins(model)


def test_a_refund_of_spent_coins_is_refused_or_becomes_a_debt_that_the_next_credit_pays() -> None:
    model = shop()
    purchase = bought(model, 10, 999)
    granted(model, 2)
    spent(model, 9)
    assert model.refund(purchase, policy="refuse") == "refund_exceeds_unspent"
    refund = model.refund(purchase, policy="debt")
    assert isinstance(refund, Clawed)
    assert (len(refund.coins), refund.debt, refund.refunded_minor) == (3, 7, 999)
    assert model.refund(purchase, 1, policy="debt") == "exceeds_original"
    assert_money_backs_coins(model)

    assert model.spend("ann", GOLD, 1) == "debt_outstanding"
    assert model.hold("ann", GOLD, 1) == "debt_outstanding"
    granted(model, 5, "bonus")
    assert (model.debt("ann", GOLD), model.balance("ann", GOLD)) == (2, 0)
    bought(model, 6, 60, "pay_2")
    assert (model.debt("ann", GOLD), model.balance("ann", GOLD)) == (0, 4)
    spent(model, 4)
    assert_money_backs_coins(model)


def test_partial_refunds_give_back_the_price_to_the_last_cent() -> None:
    model = shop()
    purchase = bought(model, 3, 100)
    refunds = [model.refund(purchase, 1, policy="refuse") for _ in range(3)]
    assert [r.refunded_minor for r in refunds if isinstance(r, Clawed)] == [34, 33, 33]
    assert model.refund(purchase, policy="debt") == "exceeds_original"
    assert model.refund(purchase, 1, policy="debt") == "exceeds_original"
    assert model.unspent_basis() == {}
    assert_money_backs_coins(model)


def test_a_refund_leaves_held_coins_alone() -> None:
    model = shop()
    purchase = bought(model, 5, 50)
    hold = held(model, 4)
    assert model.refund(purchase, 2, policy="refuse") == "refund_exceeds_unspent"
    refund = model.refund(purchase, 2, policy="debt")
    assert isinstance(refund, Clawed)
    assert (len(refund.coins), refund.debt) == (1, 1)
    captured = model.capture(hold)
    assert isinstance(captured, Spend)
    assert captured.amount == 4


def test_a_grant_is_reversed_only_out_of_its_own_unspent_coins() -> None:
    model = shop()
    first, _ = granted(model, 4), granted(model, 4)
    spent(model, 2)
    assert model.reverse_grant(first) == "exceeds_original"
    assert model.reverse_grant(first, 5) == "exceeds_original"
    assert isinstance(model.reverse_grant(first, 2), Clawed)
    assert model.balance("ann", GOLD) == 4


def test_a_frozen_player_cannot_pay_but_is_still_credited() -> None:
    model = shop()
    granted(model, 4)
    hold = held(model, 1)
    model.freeze("ann", GOLD)
    assert model.spend("ann", GOLD, 1) == "account_frozen"
    assert model.hold("ann", GOLD, 1) == "account_frozen"
    assert model.capture(hold) == "account_frozen"
    granted(model, 1)
    model.unfreeze("ann", GOLD)
    assert spent(model, 4).amount == 4
