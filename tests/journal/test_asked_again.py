"""An act whose neighbour changed what it goes by is asked again what it needs to read."""

from collections.abc import Iterable

from tests.economy import Economy
from tests.journal.gates import Note, noted

from guildbank.journal import COUNTERS, Counter, Draft, Need, Receipt, Stage, facts
from guildbank.journal.stage import NotLoaded
from guildbank.kernel import Refusal


class Point(Note):
    """Makes a counter say which other counter to read."""

    def needs(self, stage: Stage) -> Iterable[Need]:
        return [(COUNTERS, "pointer")]

    def decide(self, stage: Stage) -> Draft | Refusal:
        stage.put(COUNTERS, "pointer", Counter(7))
        return super().decide(stage)


class Follow(Note):
    """Adds to the counter that the pointer names, if there is a pointer."""

    def needs(self, stage: Stage) -> Iterable[Need]:
        needs: list[Need] = [(COUNTERS, "pointer")]
        pointer = stage.get(COUNTERS, "pointer") if stage.loaded(COUNTERS, "pointer") else None
        return needs if pointer is None else [*needs, (COUNTERS, f"to {pointer.value}")]

    def decide(self, stage: Stage) -> Draft | Refusal:
        pointer = stage.get(COUNTERS, "pointer")
        if pointer is None:
            return Draft("test.lost", facts({}))
        name = f"to {pointer.value}"
        before = stage.get(COUNTERS, name)
        stage.put(COUNTERS, name, Counter(1 if before is None else before.value + 1))
        return super().decide(stage)


class Guess(Note):
    """Reads what it never asks for: a defect."""

    def decide(self, stage: Stage) -> Draft | Refusal:
        stage.get(COUNTERS, "never asked")
        return super().decide(stage)


async def counted(economy: Economy) -> dict[str, int]:
    rows = await economy.sql("SELECT name, value FROM journal_counter")
    return {row[0]: row[1] for row in rows}


async def test_an_act_that_needs_more_after_its_neighbour_gets_it_in_the_same_batch(
    economy: Economy,
):
    acts = [Follow("app", "a"), Point("app", "b"), Follow("app", "c"), Follow("app", "d")]
    answers = await economy.journal.submit_each(economy.schema, acts)
    assert [getattr(answer, "kind", answer) for answer in answers] == [
        "test.lost",
        "test.noted",
        "test.noted",
        "test.noted",
    ]
    assert len({answer.at for answer in answers if isinstance(answer, Receipt)}) == 1
    assert await counted(economy) == {"pointer": 7, "to 7": 2}


async def test_acts_that_stand_together_are_asked_again_together(economy: Economy):
    acts = [Point("app", "a"), Follow("app", "b")]
    answers = await economy.journal.submit_all(economy.schema, acts)
    assert all(isinstance(answer, Receipt) for answer in answers)
    assert await counted(economy) == {"pointer": 7, "to 7": 1}


async def test_an_act_that_guesses_fails_alone_and_at_last(economy: Economy):
    acts = [Note("app", "a"), Guess("app", "b"), Note("app", "c")]
    before, guess, after = await economy.journal.submit_each(economy.schema, acts)
    assert isinstance(before, Receipt)
    assert isinstance(guess, NotLoaded)
    assert isinstance(after, Receipt)
    assert await noted(economy) == 2
