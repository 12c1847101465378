"""Coins keep the age that they had, however often they leave and come back, and count once."""

from random import Random

from guildbank.ledger import Address
from guildbank.ledger.ages import aged_coins
from guildbank.ledger.contracts import Account, Restored, Spread

PURSE = Address("player_1", "GEM", "free")


def aged(spread: Spread, spent: int, then: int) -> int:
    return aged_coins(PURSE, Account(1, credited=1_000, spent=spent), spread, then)


def test_a_coin_that_came_back_twice_is_one_coin():
    # Ten came first; the last two of them left and came back as [10, 12), those as [12, 14).
    twice = Spread(restored=(Restored(10, 2, 8, False), Restored(12, 2, 10, False)))
    assert aged(twice, spent=12, then=14) == 2
    assert aged(twice, spent=12, then=10) == 2


def test_a_young_coin_keeps_all_behind_it_waiting():
    # Four of [18, 24) came back behind twelve that are young.
    spread = Spread(
        restored=(
            Restored(19, 2, 5, False),
            Restored(21, 3, 15, False),
            Restored(24, 6, 18, False),
            Restored(42, 4, 24, False),
        )
    )
    assert aged(spread, spent=28, then=24) == 2


def test_random_lives_agree_with_coins_that_are_objects():
    for number in range(400):
        dice = Random(number)
        coins: list[int] = []  # by offset: when the coin was first credited
        spent, restored, left, then = 0, list[Restored](), list[tuple[int, int]](), 0
        for when in range(12):
            if when == 6:
                then = len(coins)
            if left and dice.random() < 0.4:
                start, length = left.pop(dice.randrange(len(left)))
                restored.append(Restored(len(coins), length, start, False))
                coins += coins[start : start + length]
            elif len(coins) - spent > 1 and dice.random() < 0.6:
                length = dice.randint(1, len(coins) - spent)
                left.append((spent, length))
                spent += length
            else:
                coins += [when] * dice.randint(1, 5)
        ages = [age < 6 for age in coins[spent:]]
        expected = ages.index(False) if False in ages else len(ages)
        assert aged(Spread(restored=tuple(restored)), spent, then) == expected, number
