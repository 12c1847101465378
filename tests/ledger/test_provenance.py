"""Coins lead back to the credit that first made them, across accounts and reversals."""

import pytest

from guildbank.ledger.claws import free_parts, parts_from, take_from_tail
from guildbank.ledger.contracts import LotRef
from guildbank.ledger.lots import Interval
from guildbank.ledger.provenance import (
    AccountLots,
    Axis,
    Lot,
    ProvenanceError,
    Source,
    Traced,
    restored,
    restored_by_lot,
    trace,
)

ANN, BOB = 1, 2


def first_leg(seq: int, start: int, end: int, source: Source | None = None) -> Lot:
    return Lot(LotRef(seq, 0), start, end, source)


FIRST, SECOND = first_leg(11, 0, 10), first_leg(12, 10, 30)


def test_an_interval_over_two_purchases_names_both() -> None:
    found = trace(ANN, [Interval(5, 15)], {ANN: AccountLots((FIRST, SECOND))})
    assert found == [
        Traced(FIRST, Interval(5, 10), Interval(5, 10), ANN),
        Traced(SECOND, Interval(10, 15), Interval(10, 15), ANN),
    ]


def test_coins_moved_to_another_player_lead_back_to_the_buyer_around_a_hole() -> None:
    accounts = {
        ANN: AccountLots((FIRST, SECOND), holes=((8, 2),)),
        BOB: AccountLots((first_leg(21, 0, 6, Source(ANN, 4, 10)),)),
    }
    found = trace(BOB, [Interval(0, 6)], accounts)
    assert [(t.lot.ref.seq, t.part, t.at) for t in found] == [
        (11, Interval(4, 8), Interval(0, 4)),
        (12, Interval(10, 12), Interval(4, 6)),
    ]


def test_answers_keep_the_order_of_the_coins_when_old_and_restored_lots_alternate() -> None:
    lots = (FIRST, first_leg(13, 10, 14, Source(ANN, 2, 6)), first_leg(14, 14, 20))
    found = trace(ANN, [Interval(8, 18)], {ANN: AccountLots(lots)})
    assert [(t.lot.ref.seq, t.part) for t in found] == [
        (11, Interval(8, 10)),
        (11, Interval(2, 6)),
        (14, Interval(14, 18)),
    ]


def test_a_claw_back_that_is_undone_gives_back_the_very_coins_of_its_hole() -> None:
    undone = first_leg(13, 30, 35, Source(ANN, 5, 10, Axis.CREDIT))
    accounts = {ANN: AccountLots((FIRST, SECOND, undone), holes=((5, 5),))}
    found = trace(ANN, [Interval(31, 33)], accounts)
    assert [(t.lot.ref.seq, t.part) for t in found] == [(11, Interval(6, 8))]


def test_a_coin_spent_and_put_back_a_thousand_times_still_leads_to_its_purchase() -> None:
    lots = [first_leg(0, 0, 3)]
    for turn in range(1_000):
        lots.append(
            first_leg(turn + 1, lots[-1].end, lots[-1].end + 3, restored(ANN, 3 * turn, 0, 3))
        )
    found = trace(ANN, [lots[-1].interval], {ANN: AccountLots(tuple(lots))})
    assert [(t.lot.ref.seq, t.part) for t in found] == [(0, Interval(0, 3))]


def test_the_second_partial_reversal_restores_the_coins_after_the_first() -> None:
    assert restored(ANN, debit_offset=40, reversed_before=10, amount=5) == Source(ANN, 50, 55)


def test_a_refund_may_take_what_a_reversal_put_back_last_coins_first() -> None:
    put_back = first_leg(13, 30, 42, restored(ANN, 0, 0, 12))
    accounts = {ANN: AccountLots((FIRST, SECOND, put_back))}
    parts = parts_from(SECOND, ANN, accounts)
    assert parts == [Interval(10, 30), Interval(40, 42)]

    free = free_parts(parts, spent=12, holes=())
    assert free == [Interval(12, 30), Interval(40, 42)]
    assert take_from_tail(free, 5) == [Interval(40, 42), Interval(27, 30)]
    with pytest.raises(ValueError, match="1 coins more"):
        take_from_tail(free, 21)


def test_coins_that_come_home_through_another_player_may_be_refunded_again() -> None:
    accounts = {
        ANN: AccountLots((FIRST, first_leg(31, 10, 14, Source(BOB, 0, 4)))),
        BOB: AccountLots((first_leg(21, 0, 4, Source(ANN, 0, 4)),)),
    }
    assert parts_from(FIRST, ANN, accounts) == [Interval(0, 10), Interval(10, 14)]


def test_coins_in_another_players_account_are_out_of_a_refunds_reach() -> None:
    accounts = {
        ANN: AccountLots((FIRST,)),
        BOB: AccountLots((first_leg(21, 0, 4, Source(ANN, 0, 4)),)),
    }
    assert parts_from(FIRST, ANN, accounts) == [Interval(0, 10)]


def test_a_reversal_over_three_lots_becomes_one_source_for_each() -> None:
    third = first_leg(13, 30, 40)
    known = AccountLots((FIRST, SECOND, third), holes=((15, 3), (25, 5)))
    sources = restored_by_lot(restored(ANN, debit_offset=2, reversed_before=4, amount=20), known)
    assert sources == [Source(ANN, 6, 10), Source(ANN, 10, 22), Source(ANN, 22, 26)]


@pytest.mark.parametrize(
    ("lots", "sentence"),
    [
        ((FIRST,), "coin 10 .* in no lot"),
        ((FIRST, first_leg(13, 12, 20)), "coin 10 .* in no lot"),
        ((FIRST, first_leg(13, 10, 20, Source(ANN, 0, 4))), "differ in length"),
        ((FIRST, first_leg(13, 10, 20, Source(BOB, 0, 10))), "account 2, which is not known"),
        ((FIRST, first_leg(13, 10, 20, Source(ANN, 10, 20))), "no end"),
    ],
)
def test_damage_is_named_and_never_guessed_over(lots: tuple[Lot, ...], sentence: str) -> None:
    with pytest.raises(ProvenanceError, match=sentence):
        trace(ANN, [Interval(8, 20)], {ANN: AccountLots(lots)})
