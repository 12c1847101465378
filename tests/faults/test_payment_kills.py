"""The processes of the fault matrix really die, by SIGKILL, at each of its points.

A process that takes requests and webhooks, or one that runs jobs, kills itself at the point of the
case; database, companies and the studio's server live on in other processes, and a new one goes on
from what it finds. The end is judged as in test_payment_matrix.py, whose points and combinations
these are. All run where GUILDBANK_FAULTS is `long`, company by company, else a sample that has each
company, effect and cut at least once, drawn by GUILDBANK_FAULTS_SEED, which is printed.
GUILDBANK_FAULTS_CASE runs those whose names begin so.
"""

import os
import re
from collections import Counter as Count
from collections.abc import AsyncIterator
from functools import partial
from secrets import randbelow

import pytest
from tests.faults.matrix.counter import open_counter
from tests.faults.matrix.crew import hire_processes, open_forge
from tests.faults.matrix.deeds import ROLES, Deed
from tests.faults.matrix.dimensions import CUTS, EFFECTS, NOWHERE, PROVIDERS, all_cases, sample
from tests.faults.matrix.hall import Hall, open_hall
from tests.faults.matrix.planted import DEFECTS
from tests.faults.matrix.stand import COMPANIES, PARTS, Stand, chosen_cases
from tests.house import House, open_house

from guildbank.infra.postgres import Cluster

TITLE = "real kill -9 at the points of the fault matrix"
SAMPLE = 50
CASES = [case for case in all_cases() if case.cut != NOWHERE]
AFTER_A_DEATH = [name for name, (_, case) in DEFECTS.items() if case.cut != NOWHERE]
"""Defects that only a death shows."""


@pytest.fixture(scope="module")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    open_forge()
    url = cluster.create_database("test_payment_kills")
    async with open_house(url, tmp_path_factory.mktemp("kills")) as house:
        yield house


@pytest.fixture(scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with open_hall(tmp_path_factory.mktemp("hall")) as hall:
        yield hall


@pytest.fixture(scope="module")
def points() -> set[str]:
    """At which points of the matrix a process was killed."""
    return set()


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", PARTS)
async def test_each_payment_ends_right_wherever_its_process_is_killed(
    house: House, hall: Hall, points: set[str], tally: Count[str], part: str
) -> None:
    chosen = chosen_cases(CASES, part, SAMPLE)
    stand = Stand(house, hall, hire_processes)
    failures = await stand.live_all(chosen)
    await stand.close()
    points |= {case.cut for case in chosen}
    tally["processes that were killed by SIGKILL"] += stand.deaths.total()
    for role in ROLES:
        tally[f"  at work for a {role}"] += stand.deaths[role]
    tally[f"combinations of the {len(CASES)} with a death"] += len(chosen)
    tally[f"points of the {len(CUTS) - 1}"] = len(points)
    assert not failures, f"{len(failures)} of {len(chosen)}:\n" + "\n".join(failures[:20])
    assert stand.deaths.total() == len(chosen)


def test_a_sample_kills_at_each_point_and_company_and_with_each_effect() -> None:
    drawn = sample(CASES, randbelow(2**32), SAMPLE)
    assert {name for case in drawn for name in case} == {*PROVIDERS, *EFFECTS, *CUTS} - {NOWHERE}
    assert len(set(drawn)) == len(drawn) == SAMPLE


async def leave(_worker: object) -> None:
    """End the process that is asked to, as no kill does."""
    os._exit(3)


async def test_a_process_that_ends_by_itself_is_not_taken_for_killed(
    house: House, hall: Hall
) -> None:
    counter = await open_counter(house, hall, COMPANIES["voucher"](hall), hire_processes)
    with pytest.raises(AssertionError, match="by itself: 3"):
        await counter.worker.do(Deed("job", leave, (), {}))
    await counter.close()


@pytest.mark.parametrize("defect", AFTER_A_DEATH)
async def test_a_defect_of_the_killed_and_of_who_follows_is_found(
    house: House, hall: Hall, defect: str
) -> None:
    _, case = DEFECTS[defect]
    stand = Stand(house, hall, partial(hire_processes, defect=defect))
    with pytest.raises(AssertionError) as found:
        await stand.live(case)
    # By how the payment ended, and not by a process that could not do its work.
    assert not re.search("by itself|Traceback", str(found.value)), found.value
    await stand.close()
