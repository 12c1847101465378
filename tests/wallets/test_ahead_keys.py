"""A batch decided ahead takes keys for new, and is decided anew where one is known."""

from collections.abc import Sequence

import pytest
from tests.ahead import IDLE, Way, grant, run, spend, watch
from tests.studio import Studio

from guildbank.journal import Journal, Receipt, foresight
from guildbank.journal.batch import Batch
from guildbank.journal.contracts import Driver
from guildbank.journal.deciding import Group
from guildbank.kernel import Refusal


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> Way:
    monkeypatch.setattr(foresight, "WARY_BATCHES", 0)
    made = Way(ahead=True)
    watch(made, monkeypatch)
    return made


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the keys were read for each batch that is read for ahead."""
    told: list[bool] = []
    read_ahead = Batch.read_ahead

    async def noted(batch: Batch, driver: Driver, groups: Sequence[Group], *, keys: bool) -> None:
        told.append(keys)
        await read_ahead(batch, driver, groups, keys=keys)

    monkeypatch.setattr(Batch, "read_ahead", noted)
    return told


async def test_new_keys_are_not_read(
    studio: Studio, player: str, way: Way, read: list[bool]
) -> None:
    await studio.grant(player, 10)
    assert await run(studio, way, spend(player, 4, "one"), spend(player, 4, "two")) == ["done"] * 2
    assert read == [False]


async def test_a_known_key_that_is_accepted_again_is_refused_by_its_index_and_answered(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 10)
    first = await studio.submit(spend(player, 4, "key"))
    again, new = await way.run(studio, [spend(player, 4, "key"), spend(player, 5, "new")])
    assert isinstance(again, Receipt)
    assert again.replayed
    assert again.seq == first.seq
    assert isinstance(new, Receipt)
    assert way.used == [True], "it was not tried"
    assert await studio.buckets(player) == {"free": 1}


async def test_a_known_key_whose_act_would_now_be_refused_is_answered(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 10)
    first = await studio.submit(spend(player, 9, "key"))
    again, new = await way.run(studio, [spend(player, 9, "key"), spend(player, 1, "new")])
    assert isinstance(again, Receipt)
    assert again.seq == first.seq
    assert isinstance(new, Receipt)
    assert await studio.buckets(player) == {}


async def test_a_known_key_that_is_not_looked_up_is_answered_with_a_refusal(
    studio: Studio, player: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken rule: only keys that are stored are held against the known ones."""
    monkeypatch.setattr(Batch, "doubted", lambda *_: [])
    await studio.grant(player, 10)
    await studio.submit(spend(player, 9, "key"))
    again, _ = await way.run(studio, [spend(player, 9, "key"), spend(player, 1, "new")])
    assert isinstance(again, Refusal)


async def test_a_known_key_of_a_group_that_would_now_be_refused_is_answered(
    studio: Studio, player: str, way: Way
) -> None:
    """Done a second time, the first act of the group would leave too little for the other."""
    await studio.grant(player, 10)
    await studio.submit(spend(player, 4, "one"))
    acts = [spend(player, 4, "one"), spend(player, 6, "two")]
    one, two = await way.run(studio, acts, together=True)
    assert isinstance(one, Receipt)
    assert one.replayed
    assert isinstance(two, Receipt)
    assert await studio.buckets(player) == {}


async def test_a_known_key_with_another_command_is_refused(
    studio: Studio, player: str, way: Way
) -> None:
    await studio.grant(player, 10)
    await studio.submit(spend(player, 4, "key"))
    assert await run(studio, way, spend(player, 3, "key")) == ["key_reused"]
    assert await studio.buckets(player) == {"free": 6}


@pytest.mark.parametrize("amount", [1, 9], ids=["accepted again", "refused now"])
async def test_after_a_known_key_the_next_batches_read_theirs(
    studio: Studio, player: str, way: Way, read: list[bool],
    monkeypatch: pytest.MonkeyPatch, amount: int,
) -> None:  # fmt: skip
    await studio.grant(player, 10)
    await studio.submit(spend(player, amount, "key"))
    journal = Journal(studio.city.services.db, probe=way.probe)
    for _ in range(2):
        await journal.submit(studio.ref.schema, IDLE)
    # From now on two batches are wary.
    monkeypatch.setattr(foresight, "WARY_BATCHES", 2)
    for key in ("key", "a", "b", "c"):
        acts = [spend(player, amount, key), grant(player, 9)]
        sending = journal.submit_each(studio.ref.schema, acts)
        answers = await way.behind(studio, journal, sending, IDLE)
        assert [type(one) for one in answers] == [Receipt, Receipt]
    await journal.close()
    assert read == [False, True, True, False]
