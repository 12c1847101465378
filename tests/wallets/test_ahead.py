"""A batch that is decided ahead ends as one that is decided under its lock, whatever its acts.

Each test runs all ways.
"""

import pytest
from tests.ahead import GATES, WHO, Way, grant, run, spend, watch
from tests.economy import Move
from tests.studio import GEM, Studio

from guildbank.journal import Act, Receipt, Stage, foresight
from guildbank.kernel import Refusal, parse_seq_id, seq_id
from guildbank.ledger import Address, Leg, LotRef, Restores, house
from guildbank.ledger.store import Lots, Spreads
from guildbank.wallets.contracts import Currency, PlaceHold, ReleaseHold, Reverse, SetLimit
from guildbank.wallets.usecases.currency import SaveCurrencyAct
from guildbank.wallets.usecases.hold import PlaceHoldAct, ReleaseAct
from guildbank.wallets.usecases.reverse import ReverseAct
from guildbank.wallets.usecases.rule import SetLimitAct


@pytest.fixture(params=["under the lock", "ahead", "ahead without keys"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    made = Way(ahead=request.param != "under the lock")
    if request.param == "ahead without keys":
        monkeypatch.setattr(foresight, "WARY_BATCHES", 0)
    watch(made, monkeypatch)
    return made


def limit(player: str, per_day: int) -> Act:
    return SetLimitAct(WHO, None, SetLimit(player, GEM, per_day))


def reverse(receipt: Receipt, amount: int) -> Act:
    name = seq_id("txn", receipt.seq, receipt.at)
    at = parse_seq_id("txn", name)
    assert at is not None
    return ReverseAct(WHO, None, Reverse(name, amount), at)


async def test_an_account_opened_by_one_act_is_used_by_the_next(
    studio: Studio, player: str, way: Way
) -> None:
    acts = [grant(player, 5), spend(player, 3), spend(player, 3), grant(player, 9)]
    told = await run(studio, way, *acts)
    assert told == ["done", "done", "insufficient_funds", "done"]
    assert await studio.buckets(player) == {"free": 11}


async def test_a_key_sent_twice_is_done_once(studio: Studio, player: str, way: Way) -> None:
    await studio.grant(player, 10)
    same = (spend(player, 4, "key"), spend(player, 4, "key"), spend(player, 5, "key"))
    assert await run(studio, way, *same) == ["done", "done", "key_reused"]
    assert await run(studio, way, *same) == ["done", "done", "key_reused"]
    assert await studio.buckets(player) == {"free": 6}


async def test_reversals_share_what_the_original_took(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 30)
    spent = await studio.submit(spend(player, 30))
    acts = [grant(player, 1), reverse(spent, 20), reverse(spent, 20), reverse(spent, 10)]
    told = await run(studio, way, *acts, ahead=False)
    assert told == ["done", "done", "exceeds_original", "done"]
    assert await studio.buckets(player) == {"free": 31}


async def test_a_limit_counts_what_was_spent_before_it_in_the_batch(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 100)
    acts = [spend(player, 30), limit(player, 50), spend(player, 25), spend(player, 20)]
    told = await run(studio, way, *acts, ahead=False)
    assert told == ["done", "done", "limit_exceeded", "done"]


async def test_a_currency_closed_by_one_act_takes_no_coins_from_the_next(
    studio: Studio, player: str, way: Way
) -> None:
    closed = SaveCurrencyAct(WHO, None, Currency(code=GEM, name="Gem", active=False), create=False)
    acts = [grant(player, 5), closed, grant(player, 5), spend(player, 5)]
    assert await run(studio, way, *acts) == ["done", "done", "currency_inactive", "done"]


async def test_a_hold_released_in_the_batch_gives_its_coins_to_the_next_act(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 10)
    held = await studio.submit(PlaceHoldAct(WHO, None, PlaceHold(player, GEM, 10, 60), GATES))
    name = seq_id("hold", held.seq, held.at)
    at = parse_seq_id("hold", name)
    assert at is not None
    free = ReleaseAct(WHO, None, ReleaseHold(name), at)
    assert await run(studio, way, spend(player, 1), free, spend(player, 10)) == [
        "insufficient_funds",
        "done",
        "done",
    ]


async def test_a_group_that_is_refused_leaves_nothing_behind(
    studio: Studio, player: str, way: Way
) -> None:
    await run(studio, way, grant(player, 10))
    group = [spend(player, 4, "one"), spend(player, 40, "two")]
    answers = await way.run(studio, group, together=True)
    assert [type(answer) for answer in answers] == [Receipt, Refusal]
    assert await run(studio, way, spend(player, 4, "one")) == ["done"]
    assert await studio.buckets(player) == {"free": 6}


async def give_back_and_claw(studio: Studio, way: Way, player: str, *, ahead: bool) -> str:
    """Give a spend of bought coins back; behind it take the bought coins away."""
    paid, sales = Address(player, GEM, "paid"), house(GEM, "sales")
    bought = await studio.paid(player, 10)
    spent = await studio.submit(Move("wallets.spent", {}, [Leg((paid,), sales, 10)], None))
    restores = Restores(spent.seq, 0, 0)
    back = Move("ledger.reversed", {}, [Leg((sales,), paid, 10, restores=restores)], None)
    lot = LotRef(bought.seq, 0)
    claw = Move("test.clawed", {}, [Leg((paid,), house(GEM, "clawed"), 10, lot=lot)], None)
    (told,) = await run(studio, way, claw, ahead=ahead, before=back)
    return told


async def test_coins_given_back_by_one_batch_are_taken_by_the_next(
    studio: Studio, player: str, way: Way
) -> None:
    assert await give_back_and_claw(studio, way, player, ahead=False) == "done"


async def test_what_follows_from_other_rows_is_not_read_ahead_of_them(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken rule: where coins were put back is read before that has happened."""
    way = Way(ahead=True)
    watch(way, monkeypatch)
    for shelf in (Lots, Spreads):
        monkeypatch.setattr(shelf, "derived", False)
    assert await give_back_and_claw(studio, way, player, ahead=True) == "exceeds_original"


async def test_what_the_batch_before_has_changed_is_taken_from_there(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 10)
    told = await run(
        studio, way, spend(player, 4, "key"), spend(player, 3), before=spend(player, 6)
    )
    assert told == ["done", "insufficient_funds"]


async def test_what_the_batch_before_has_changed_is_not_what_the_database_has_yet(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken rule: nothing is taken from the batch before."""
    way = Way(ahead=True)
    watch(way, monkeypatch)
    monkeypatch.setattr(Stage, "take_over", lambda *_: None)
    await studio.grant(player, 10)
    with pytest.raises(AssertionError):
        await run(studio, way, spend(player, 4), before=spend(player, 6))
    assert await studio.buckets(player) == {"free": 4}


async def test_a_key_of_the_batch_before_is_answered_as_that_batch_was(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 10)
    acts = [spend(player, 6, "key"), spend(player, 5, "key")]
    assert await run(studio, way, *acts, before=spend(player, 6, "key")) == ["done", "key_reused"]
    assert await studio.buckets(player) == {"free": 4}
