"""What a posting does to accounts, decided on values alone: no database, no clock."""

from collections.abc import Mapping
from typing import Any

import pytest

from guildbank.kernel import MAX_AMOUNT, Refusal
from guildbank.ledger import Account, Address, Book, Leg, LotRef, LotState, house
from guildbank.ledger.contracts import DEFAULT_CAP, Spread
from guildbank.ledger.holding import Holding, HoldingKey

GEM, GOLD = "GEM", "GOLD"
ISSUE, SALES = house(GEM, "issue"), house(GEM, "sales")


def purse(bucket: str, player: str = "player_1", asset: str = GEM) -> Address:
    return Address(player, asset, bucket)


FREE, BONUS, PAID = purse("free"), purse("bonus"), purse("paid")
LOT = LotRef(1, 0)


class Opened(dict[HoldingKey, Holding]):
    """Holdings of which every one exists."""

    def __missing__(self, key: HoldingKey) -> Holding:
        self[key] = Holding(key[0], DEFAULT_CAP, None, {})
        return self[key]


def book(lots: Mapping[LotRef, LotState] | None = None, **wallet: Account) -> Book:
    """Return a book over a player's buckets; whatever else is asked for is opened empty."""
    holdings = Opened()
    holdings["player_1", GEM] = Holding("player_1", DEFAULT_CAP, None, wallet)
    spreads = dict.fromkeys((FREE, BONUS, PAID), Spread())
    absent = dict.fromkeys((LOT, LotRef(9, 9)))
    return Book(7, holdings, {**absent, **(lots or {})}, spreads)


def having(amount: int, **more: Any) -> Account:
    return Account(1, credited=amount, **more)


def codes(refusal: Refusal | None) -> tuple[str, str | None]:
    assert refusal is not None
    return refusal.code, refusal.field


def moves(done: Book) -> list[tuple[str, str, int]]:
    return [(debit.bucket, credit.bucket, one.amount) for one, debit, credit in done.moved]


def test_a_posting_moves_each_leg_in_order() -> None:
    done = book()
    assert done.post([Leg((ISSUE,), FREE, 10), Leg((FREE,), SALES, 4)]) is None
    assert moves(done) == [("issue", "free", 10), ("free", "sales", 4)]
    assert done.account(FREE).balance == 6
    assert done.account(ISSUE).balance == -10
    assert [one.transfer.leg for one in done.moved] == [0, 1]


def test_the_read_accounts_are_never_touched() -> None:
    mine = having(10)
    done = book(free=mine)
    assert done.post([Leg((FREE,), SALES, 10)]) is None
    assert (mine.spent, done.account(FREE).spent) == (0, 10)


def test_64_legs_are_posted_and_65_refused() -> None:
    done = book()
    assert done.post([Leg((ISSUE,), FREE, 1)] * 64) is None
    assert done.account(FREE).balance == 64
    for count in (0, 65):
        assert codes(book().post([Leg((ISSUE,), FREE, 1)] * count)) == ("too_many_legs", "legs")


@pytest.mark.parametrize("amount", [0, -1, -MAX_AMOUNT, MAX_AMOUNT + 1, 2**63, 10**40])
def test_amounts_that_are_no_amounts_are_refused(amount: int) -> None:
    refusal = book().post([Leg((ISSUE,), FREE, 1), Leg((ISSUE,), FREE, amount)])
    assert codes(refusal) == ("amount_not_positive", "legs[1].amount")
    held = book(free=having(5)).hold([FREE], amount)
    assert isinstance(held, Refusal)
    assert held.code == "amount_not_positive"


def test_the_largest_amount_is_posted() -> None:
    done = book()
    assert done.post([Leg((ISSUE,), FREE, MAX_AMOUNT)]) is None
    assert done.account(FREE).balance == MAX_AMOUNT


def test_sources_are_drawn_in_their_order() -> None:
    done = book(free=having(3), bonus=having(0), paid=having(10))
    assert done.post([Leg((FREE, BONUS, PAID), SALES, 8)]) is None
    assert moves(done) == [("free", "sales", 3), ("paid", "sales", 5)]
    first = book(free=having(3), paid=having(10))
    assert first.post([Leg((PAID, FREE), SALES, 8)]) is None
    assert moves(first) == [("paid", "sales", 8)]


def test_sources_that_have_too_little_refuse_with_what_they_have() -> None:
    refusal = book(free=having(3), paid=having(4)).post([Leg((FREE, PAID), SALES, 8)])
    assert codes(refusal) == ("insufficient_funds", "legs[0].amount")
    assert refusal is not None
    assert refusal.extra == {"available": 7}


def test_held_coins_are_not_available() -> None:
    refusal = book(free=having(10, held=4)).post([Leg((FREE,), SALES, 7)])
    assert refusal is not None
    assert refusal.extra == {"available": 6}
    assert book(free=having(10, held=4)).post([Leg((FREE,), SALES, 6)]) is None


@pytest.mark.parametrize(("has", "taken"), [(3, 3), (8, 8), (20, 8), (0, 0)])
def test_up_to_takes_what_there_is_even_nothing(has: int, taken: int) -> None:
    done = book(free=having(has))
    assert done.post([Leg((FREE,), SALES, 8, up_to=True)]) is None
    assert sum(one.transfer.amount for one in done.moved) == taken


def test_a_leg_moves_one_asset() -> None:
    refusal = book().post([Leg((purse("free", asset=GOLD),), SALES, 1)])
    assert codes(refusal) == ("asset_mismatch", "legs[0]")
    mixed = book(free=having(1)).post([Leg((FREE, purse("free", asset=GOLD)), SALES, 5)])
    assert codes(mixed) == ("asset_mismatch", "legs[0]")


def test_several_assets_may_move_in_one_posting() -> None:
    done = book()
    gold = purse("free", asset=GOLD)
    assert done.post([Leg((ISSUE,), FREE, 1), Leg((house(GOLD, "issue"),), gold, 2)]) is None
    assert (done.account(FREE).balance, done.account(gold).balance) == (1, 2)


def test_an_account_cannot_pay_itself() -> None:
    assert codes(book(free=having(5)).post([Leg((FREE,), FREE, 1)]))[0] == "same_account"
    assert codes(book().post([Leg((SALES,), SALES, 1)]))[0] == "same_account"


@pytest.mark.parametrize("as_source", [True, False])
def test_a_leg_that_names_an_unknown_player_refuses_the_posting(as_source: bool) -> None:
    stranger = Account(0, problem="unknown_account")
    leg = Leg((BONUS,), SALES, 1) if as_source else Leg((ISSUE,), BONUS, 1)
    refusal = book(bonus=stranger).post([Leg((ISSUE,), FREE, 1), leg])
    assert codes(refusal) == ("unknown_account", "playerId")


def test_an_unknown_player_is_named_even_when_other_sources_would_do() -> None:
    stranger = Account(0, problem="unknown_account")
    refusal = book(free=stranger, paid=having(50)).post([Leg((FREE, PAID), SALES, 1)])
    assert codes(refusal)[0] == "unknown_account"


def test_an_unknown_asset_refuses_the_posting() -> None:
    refusal = book(free=Account(0, problem="unknown_asset")).post([Leg((ISSUE,), FREE, 1)])
    assert codes(refusal) == ("unknown_asset", "asset")


def test_a_ceiling_is_reached_and_not_passed() -> None:
    full = having(90, ceiling=100)
    assert book(free=full).post([Leg((ISSUE,), FREE, 10)]) is None
    refusal = book(free=full).post([Leg((ISSUE,), FREE, 11)])
    assert codes(refusal)[0] == "ceiling_exceeded"
    # Settlement always posts.
    assert book(free=full).post([Leg((ISSUE,), FREE, 11, forced=True)]) is None


def test_a_ceiling_counts_the_legs_before() -> None:
    refusal = book(free=having(0, ceiling=10)).post([Leg((ISSUE,), FREE, 6)] * 2)
    assert codes(refusal)[0] == "ceiling_exceeded"
    between = [Leg((ISSUE,), FREE, 6), Leg((FREE,), SALES, 6), Leg((ISSUE,), FREE, 6)]
    assert book(free=having(0, ceiling=10)).post(between) is None


def test_totals_stay_below_the_cap_of_their_asset() -> None:
    # 95 were credited in all, and 90 spent: the total counts, not the balance.
    worn = Account(1, credited=95, spent=90, cap=100)
    assert book(free=worn).post([Leg((ISSUE,), FREE, 5)]) is None
    assert codes(book(free=worn).post([Leg((ISSUE,), FREE, 6)]))[0] == "total_overflow"
    # Neither may what the source ever spent pass it, and force does not help.
    deep = Account(1, spent=95, floor=None, cap=100)
    for forced in (False, True):
        refusal = book(free=deep).post([Leg((FREE,), SALES, 6, forced=forced)])
        assert codes(refusal)[0] == "total_overflow"


def test_a_frozen_account_pays_nothing_unless_forced_and_takes_credits() -> None:
    frozen = having(10, frozen="review")
    refusal = book(free=frozen).post([Leg((FREE,), SALES, 1)])
    assert codes(refusal)[0] == "account_frozen"
    assert refusal is not None
    assert refusal.extra == {"reason": "review"}
    assert book(free=frozen).post([Leg((FREE,), SALES, 1, forced=True)]) is None
    assert book(free=frozen).post([Leg((ISSUE,), FREE, 1)]) is None
    assert isinstance(book(free=frozen).hold([FREE], 1), Refusal)


def test_a_fifo_debit_names_the_coins_it_spent() -> None:
    done = book(free=Account(1, credited=100, spent=30))
    assert done.post([Leg((FREE,), SALES, 20)]) is None
    (transfer, _, _) = done.moved[0]
    assert (transfer.debit_offset, transfer.lot_offset, transfer.debit_after) == (30, None, 50)


def test_a_directed_debit_takes_the_tail_of_its_lot_and_no_more_than_is_unspent() -> None:
    lots = {LOT: LotState(PAID, 0, 100)}
    mine = Account(1, credited=150, spent=30)
    done = book(lots, paid=mine)
    assert done.post([Leg((PAID,), SALES, 20, lot=LOT)]) is None
    (transfer, _, _) = done.moved[0]
    assert (transfer.debit_offset, transfer.lot_offset) == (None, 80)
    assert (done.account(PAID).spent, done.account(PAID).clawed) == (30, 20)
    refusal = book(lots, paid=mine).post([Leg((PAID,), SALES, 71, lot=LOT)])
    assert codes(refusal) == ("exceeds_original", "amount")
    assert refusal is not None
    assert refusal.extra == {"available": 70}


def test_a_directed_debit_leaves_held_coins_alone() -> None:
    lots = {LOT: LotState(PAID, 0, 100)}
    refusal = book(lots, paid=having(100, held=40)).post([Leg((PAID,), SALES, 61, lot=LOT)])
    assert refusal is not None
    assert refusal.extra == {"available": 60}


def test_a_lot_of_another_account_is_unknown() -> None:
    lots = {LOT: LotState(PAID, 0, 100)}
    for leg in (
        Leg((FREE,), SALES, 1, lot=LOT),
        Leg((PAID,), SALES, 1, lot=LotRef(9, 9)),
        Leg((PAID,), house(GOLD, "sales"), 1, lot=LOT),
    ):
        refusal = book(lots, free=having(5), paid=having(100)).post([leg])
        assert codes(refusal)[0] == "unknown_lot"


def test_a_hold_takes_from_several_accounts_and_moves_nothing() -> None:
    done = book(free=having(3), paid=having(10))
    assert done.hold([FREE, PAID], 8) == [(FREE, 3), (PAID, 5)]
    assert done.moved == []
    assert (done.account(FREE).available, done.account(PAID).available) == (0, 5)
    assert done.account(PAID).balance == 10
    done.release(PAID, 5)
    assert done.account(PAID).available == 10


def test_a_hold_above_what_is_available_is_refused() -> None:
    refusal = book(free=having(3), paid=having(4)).hold([FREE, PAID], 8)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.extra) == ("insufficient_funds", {"available": 7})
