"""Every company, whatever happens there, wherever we die: each payment ends in its one right state.

The player is charged and credited once or not at all, the company's own books and ours agree to the
minor unit, the studio's own server hears of everything in order and of nothing too early, nothing
is left waiting, and the proof holds. All combinations run where
GUILDBANK_FAULTS is `long`, company by company, else a sample that has each company, effect and cut
at least once, drawn by GUILDBANK_FAULTS_SEED, which is printed. GUILDBANK_FAULTS_CASE runs those
whose names begin so; a failure prints the name of its case. Here workers die within one process;
in test_payment_kills.py processes do.
"""

import asyncio
from collections import Counter as Count
from collections.abc import AsyncIterator
from secrets import randbelow

import pytest
from tests.faults.matrix.counter import hire_here
from tests.faults.matrix.dimensions import CUTS, EFFECTS, PROVIDERS, all_cases, sample
from tests.faults.matrix.hall import Hall, open_hall
from tests.faults.matrix.planted import DEFECTS
from tests.faults.matrix.stand import PARTS, Stand, chosen_cases
from tests.faults.matrix.worker import mark_tasks
from tests.house import House, open_house

from guildbank.infra.postgres import Cluster
from guildbank.payments import archive

TITLE = "the fault matrix of payments"
SAMPLE = 50


@pytest.fixture(scope="module")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_payment_matrix")
    async with open_house(url, tmp_path_factory.mktemp("matrix")) as house:
        yield house


@pytest.fixture(scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with open_hall(tmp_path_factory.mktemp("hall")) as hall:
        yield hall


@pytest.fixture
async def stand(house: House, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    # What was exchanged is written at once: nobody waits for it but these lives.
    monkeypatch.setattr(archive, "GATHER_SECONDS", 0)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(mark_tasks)
    stand = Stand(house, hall, hire_here)
    yield stand
    await stand.close()
    loop.set_task_factory(None)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", PARTS)
async def test_each_payment_ends_right_whatever_happens_and_wherever_we_die(
    stand: Stand, tally: Count[str], part: str
) -> None:
    chosen = chosen_cases(list(all_cases()), part, SAMPLE)
    failures = await stand.live_all(chosen)
    tally["combinations run"] += len(chosen)
    tally["workers that died"] += stand.deaths.total()
    for provider, count in Count(case.provider for case in chosen).items():
        tally[f"  run at {provider}"] += count
    assert not failures, f"{len(failures)} of {len(chosen)}:\n" + "\n".join(failures[:20])


def test_the_combinations_are_counted(tally: Count[str]) -> None:
    by_provider = Count(case.provider for case in all_cases())
    tally["combinations of a company, an effect and a cut"] += len(list(all_cases()))
    for provider in PROVIDERS:
        tally[f"  at {provider}"] += by_provider[provider]
    tally["combinations that mean nothing, by the reasons of dimensions.py"] += (
        len(PROVIDERS) * len(EFFECTS) * len(CUTS) - by_provider.total()
    )
    # A rule that takes too much for meaningless would be seen here.
    assert by_provider.total() > 3_000


def test_a_sample_has_each_company_effect_and_cut() -> None:
    cases = list(all_cases())
    drawn = sample(cases, randbelow(2**32), SAMPLE)
    assert {name for case in drawn for name in case} == {*PROVIDERS, *EFFECTS, *CUTS}
    assert len(set(drawn)) == len(drawn) == SAMPLE


@pytest.mark.parametrize("defect", DEFECTS)
async def test_a_planted_defect_is_found(
    stand: Stand, defect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, case = DEFECTS[defect]
    assert case in set(all_cases())
    await stand.live(case)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        await stand.live(case)
