"""Histories that the simulation found, kept as the shortest that show each fault."""

from collections.abc import Sequence

from tests.laws.commands import (
    Command,
    GrantCoins,
    HoldCoins,
    LimitSpending,
    ReleaseCoins,
    ReverseEntry,
    SpendCoins,
)
from tests.laws.machine import Economy
from tests.laws.town import Town


def lived(town: Town, *days: Sequence[Command]) -> Economy:
    """Live through days of commands; those of one day are sent at once, to one worker."""
    economy = Economy(town)
    economy.begin("debt")
    for day in days:
        economy.settle([economy.aim(command, 0) for command in day], exact=False)
    economy.teardown()
    return economy


def test_a_hold_that_is_older_than_the_limit_leaves_the_count_when_it_is_released(
    town: Town,
) -> None:
    lived(
        town,
        [HoldCoins(0, "GEM", 12, 7200)],
        [LimitSpending(0, "GEM", 20)],
        [ReleaseCoins(0)],
        [SpendCoins(0, "GEM", 12)],
    )


def test_a_limit_counts_what_was_spent_in_the_same_batch(town: Town) -> None:
    lived(
        town,
        [SpendCoins(0, "GEM", 12), LimitSpending(0, "GEM", 20)],
        [SpendCoins(0, "GEM", 9)],
    )


def test_what_is_left_of_a_grant_is_reversed_after_its_coins_were_spent_and_put_back(
    town: Town,
) -> None:
    economy = lived(
        town,
        [GrantCoins(0, "ORE", 10)],
        [SpendCoins(0, "ORE", 10)],
        [ReverseEntry(0, None)],
        [ReverseEntry(2, 5)],
        [ReverseEntry(3, None)],
    )
    assert economy.world.model.balance(economy.world.players[0], "ORE") == 0


def test_what_an_act_takes_in_two_parts_is_counted_once_by_the_next_of_its_batch(
    town: Town,
) -> None:
    lived(
        town,
        [GrantCoins(0, "ORE", 10)],
        [SpendCoins(0, "ORE", 4)],
        [ReverseEntry(0, None)],
        [ReverseEntry(2, None), ReverseEntry(2, None), ReverseEntry(2, None)],
    )
