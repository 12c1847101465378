"""A batch that is decided ahead ends as one that is decided under its lock, whatever its acts.

Each test runs both ways.
"""

import asyncio
from collections.abc import Sequence

import pytest
from tests.economy import Move
from tests.studio import GEM, Studio

from guildbank.journal import Act, Journal, Outcome, Receipt, Stage, foresight
from guildbank.journal.batch import Batch
from guildbank.journal.contracts import Head
from guildbank.kernel import Refusal, parse_seq_id, seq_id
from guildbank.ledger import Address, Leg, LotRef, Restores, house
from guildbank.ledger.store import Lots, Spreads
from guildbank.wallets import SpendLimit
from guildbank.wallets.contracts import (
    Currency,
    Grant,
    PlaceHold,
    ReleaseHold,
    Reverse,
    SetLimit,
    Spend,
)
from guildbank.wallets.usecases.currency import SaveCurrencyAct
from guildbank.wallets.usecases.grant import GrantAct
from guildbank.wallets.usecases.hold import PlaceHoldAct, ReleaseAct
from guildbank.wallets.usecases.reverse import ReverseAct
from guildbank.wallets.usecases.rule import SetLimitAct
from guildbank.wallets.usecases.spend import SpendAct

WHO = "app_ahead"
GATES = (SpendLimit(),)
IDLE = Move("test.idle", {}, [], None)
"""Moves nothing, and is a batch all the same."""


class Way:
    """How acts are run: under the lock, or ahead of it."""

    def __init__(self, *, ahead: bool) -> None:
        self.ahead = ahead
        self.used: list[bool] = []
        self.held, self.open = asyncio.Event(), asyncio.Event()
        self.holds = False

    async def probe(self, point: str) -> None:
        """Hold the batch before the one in question until that one is decided."""
        if point == "before_commit" and self.holds:
            self.holds = False
            self.held.set()
            await self.open.wait()

    async def run(
        self, studio: Studio, acts: Sequence[Act], *, together: bool = False, before: Act = IDLE
    ) -> list[Outcome]:
        """Run the acts as one batch behind that of another act; return what each ended with."""
        journal = Journal(studio.city.services.db, probe=self.probe)

        async def send() -> list[Outcome]:
            if together:
                return await journal.submit_all(studio.ref.schema, acts)
            answers = await journal.submit_each(studio.ref.schema, acts)
            return [one for one in answers if not isinstance(one, Exception)]

        if not self.ahead:
            await journal.submit(studio.ref.schema, before)
            return await send()
        self.used.clear()
        self.held.clear()
        self.open.clear()
        # A process that has seen no batch of others decides ahead.
        for _ in range(2):
            await journal.submit(studio.ref.schema, IDLE)
        self.holds = True
        held = asyncio.create_task(journal.submit(studio.ref.schema, before))
        await self.held.wait()
        sent = asyncio.create_task(send())
        await asyncio.sleep(0.1)
        self.open.set()
        await held
        answers = await sent
        await journal.close()
        return answers


@pytest.fixture(params=[False, True], ids=["under the lock", "ahead"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Way:
    made = Way(ahead=request.param)
    watch(made, monkeypatch)
    return made


def watch(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every act be decided ahead, and note whether that was used."""
    follows = Batch.follows

    def noted(batch: Batch, head: Head) -> bool:
        way.used.append(follows(batch, head))
        return way.used[-1]

    monkeypatch.setattr(Batch, "follows", noted)
    monkeypatch.setattr(foresight, "LEAST_ACTS", 1)


def grant(player: str, amount: int, key: str | None = None) -> Act:
    return GrantAct(WHO, key, Grant(player, GEM, amount))


def spend(player: str, amount: int, key: str | None = None) -> Act:
    return SpendAct(WHO, key, Spend(player, GEM, amount), GATES)


def limit(player: str, per_day: int) -> Act:
    return SetLimitAct(WHO, None, SetLimit(player, GEM, per_day))


def reverse(receipt: Receipt, amount: int) -> Act:
    name = seq_id("txn", receipt.seq, receipt.at)
    at = parse_seq_id("txn", name)
    assert at is not None
    return ReverseAct(WHO, None, Reverse(name, amount), at)


async def run(
    studio: Studio, way: Way, *acts: Act, ahead: bool = True, before: Act = IDLE
) -> Sequence[str]:
    """Run the acts as one batch; return what each ended with, `done` or the refusal's code.

    Where that is to happen `ahead`, it must have been so; not where rows can be known only later.
    """
    answers = await way.run(studio, acts, before=before)
    assert len(answers) == len(acts)
    told = ["done" if isinstance(answer, Receipt) else answer.code for answer in answers]
    times = {answer.at for answer in answers if isinstance(answer, Receipt) and not answer.replayed}
    assert len(times) <= 1, "this was not one batch"
    assert way.used == ([True] if way.ahead and ahead else [])
    return told


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
