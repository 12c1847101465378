"""Every company, whatever happens there, wherever we die: each payment ends in its one right state.

The player is charged and credited once or not at all, the company's own books and ours agree to the
minor unit, the studio's own server hears of everything in order and of nothing too early, nothing
is left waiting, and the proof holds. All combinations run where
GUILDBANK_FAULTS is `long`, company by company, else a sample that has each company, effect and cut
at least once, drawn by GUILDBANK_FAULTS_SEED, which is printed. GUILDBANK_FAULTS_CASE runs those
whose names begin so; a failure prints the name of its case.
"""

import asyncio
import os
import traceback
from collections import Counter as Count
from collections.abc import AsyncIterator
from secrets import randbelow

import pytest
from tests.faults.matrix import by_word, cards, stores
from tests.faults.matrix.company import Books, Company
from tests.faults.matrix.counter import Counter, open_counter
from tests.faults.matrix.dimensions import (
    CUTS,
    EFFECTS,
    NOWHERE,
    PROVIDERS,
    Case,
    all_cases,
    point_of,
    sample,
    stages,
)
from tests.faults.matrix.hall import Hall, open_hall
from tests.faults.matrix.life import Life
from tests.faults.matrix.planted import DEFECTS
from tests.faults.matrix.right import check, right_end
from tests.faults.matrix.worker import mark_tasks
from tests.house import House, open_house

from guildbank.infra.postgres import Cluster
from guildbank.payments import archive

TITLE = "the fault matrix of payments"
LONG = os.environ.get("GUILDBANK_FAULTS") == "long"
SAMPLE = 50
COMPANIES: dict[str, type[Company]] = {
    "sandbox": cards.Sandbox,
    "sandbox behind a check": cards.CheckedSandbox,
    "Stripe card": cards.StripeCard,
    "Stripe Checkout": cards.StripeCheckout,
    "PayPal": cards.PayPal,
    "App Store": stores.Apple,
    "Google Play": stores.Google,
    "Steam": stores.Steam,
    "bank transfer": by_word.Transfer,
    "voucher": by_word.Voucher,
}


@pytest.fixture(scope="module")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_payment_matrix")
    async with open_house(url, tmp_path_factory.mktemp("matrix")) as house:
        yield house


@pytest.fixture(scope="module")
async def hall(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    async with open_hall(tmp_path_factory.mktemp("hall")) as hall:
        yield hall


class Stand:
    """The counters of all companies; one where a life went wrong is closed, for the next is new."""

    def __init__(self, house: House, hall: Hall) -> None:
        self.house, self.hall = house, hall
        self._open: dict[str, tuple[Counter, Books]] = {}
        self.deaths = 0

    async def live(self, case: Case) -> Life:
        """Let a life happen and hold its end against what is right. Raises AssertionError."""
        if case.provider not in self._open:
            company = COMPANIES[case.provider](self.hall)
            counter = await open_counter(self.house, self.hall, company)
            self._open[case.provider] = counter, Books()
        counter, before = self._open[case.provider]
        point = None if case.cut == NOWHERE else case.cut
        life = Life(counter, case.effect, point, right_end(case).within)
        died = counter.deaths
        try:
            await life.live()
            assert life.cut.is_done, f"it never came {case.cut}: {life.cut.met}"
            self._open[case.provider] = counter, await check(life, case, before)
        except BaseException:
            del self._open[case.provider]
            await counter.close()
            raise
        self.deaths += counter.deaths - died
        return life

    async def close(self) -> None:
        for counter, _ in self._open.values():
            await counter.close()


@pytest.fixture
async def stand(house: House, hall: Hall, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stand]:
    # What was exchanged is written at once: nobody waits for it but these lives.
    monkeypatch.setattr(archive, "GATHER_SECONDS", 0)
    loop = asyncio.get_running_loop()
    loop.set_task_factory(mark_tasks)
    stand = Stand(house, hall)
    yield stand
    await stand.close()
    loop.set_task_factory(None)


def chosen_cases(part: str) -> list[Case]:
    """Return what is to run of a part: all of a company, or a sample of the whole."""
    cases = list(all_cases())
    named = os.environ.get("GUILDBANK_FAULTS_CASE")
    if named is not None:
        return [case for case in cases if str(case).startswith(named)]
    if LONG:
        return [case for case in cases if case.provider == part]
    seed = int(os.environ.get("GUILDBANK_FAULTS_SEED") or randbelow(2**32))
    print(f"replay with GUILDBANK_FAULTS_SEED={seed}")
    return sample(cases, seed, SAMPLE)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", PROVIDERS if LONG else ("a sample",))
async def test_each_payment_ends_right_whatever_happens_and_wherever_we_die(
    stand: Stand, tally: Count[str], part: str
) -> None:
    chosen = chosen_cases(part)
    failures = []
    for case in chosen:
        try:
            life = await stand.live(case)
            if case.cut == NOWHERE:
                met = {point_of(point) for point in life.cut.met}
                assert met == stages(case.provider, case.effect), "not what its life is said to be"
        except Exception as error:
            failures.append(f"GUILDBANK_FAULTS_CASE='{case}': {error!r}"[:2_000])
            traceback.print_exc()
    tally["combinations run"] += len(chosen)
    tally["workers that died"] += stand.deaths
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
