"""Where lives of the matrix happen: the counters of all companies, and which cases are to run.

All combinations run where GUILDBANK_FAULTS is `long`, company by company, else a sample that is
drawn by GUILDBANK_FAULTS_SEED, which is printed. GUILDBANK_FAULTS_CASE runs those whose names begin
so.
"""

import os
import traceback
from collections import Counter as Count
from collections.abc import Iterable
from secrets import randbelow

from tests.faults.matrix import by_word, cards, stores
from tests.faults.matrix.company import Books, Company
from tests.faults.matrix.counter import Counter, Hire, open_counter
from tests.faults.matrix.deeds import Role
from tests.faults.matrix.dimensions import NOWHERE, PROVIDERS, Case, point_of, sample, stages
from tests.faults.matrix.hall import Hall
from tests.faults.matrix.life import Life
from tests.faults.matrix.right import check, right_end
from tests.house import House

LONG = os.environ.get("GUILDBANK_FAULTS") == "long"
PARTS = PROVIDERS if LONG else ("a sample",)
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


class Stand:
    """The counters of all companies; one where a life went wrong is closed, for the next is new."""

    def __init__(self, house: House, hall: Hall, hire: Hire) -> None:
        self.house, self.hall, self.hire = house, hall, hire
        self._open: dict[str, tuple[Counter, Books]] = {}
        self.deaths: Count[Role] = Count()
        """How many workers died in lives that ended right, by what they were at."""

    async def live(self, case: Case) -> Life:
        """Let a life happen and hold its end against what is right. Raises AssertionError."""
        if case.provider not in self._open:
            company = COMPANIES[case.provider](self.hall)
            counter = await open_counter(self.house, self.hall, company, self.hire)
            self._open[case.provider] = counter, Books()
        counter, before = self._open[case.provider]
        point = None if case.cut == NOWHERE else case.cut
        life = Life(counter, case.effect, point, right_end(case).within)
        died = counter.deaths.copy()
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

    async def live_all(self, cases: Iterable[Case]) -> list[str]:
        """Let many happen; return a line for each that went wrong, by which it can be repeated."""
        failures = []
        for case in cases:
            try:
                life = await self.live(case)
                if case.cut == NOWHERE:
                    met = {point_of(point) for point in life.cut.met}
                    said = stages(case.provider, case.effect)
                    assert met == said, "not what its life is said to be"
            except Exception as error:
                failures.append(f"GUILDBANK_FAULTS_CASE='{case}': {error!r}"[:2_000])
                traceback.print_exc()
        return failures

    async def close(self) -> None:
        """Close all counters."""
        for counter, _ in self._open.values():
            await counter.close()


def chosen_cases(cases: list[Case], part: str, number: int) -> list[Case]:
    """Return what is to run of a part: all of a company, or a sample of so many of the whole."""
    named = os.environ.get("GUILDBANK_FAULTS_CASE")
    if named is not None:
        return [case for case in cases if str(case).startswith(named)]
    if LONG:
        return [case for case in cases if case.provider == part]
    seed = int(os.environ.get("GUILDBANK_FAULTS_SEED") or randbelow(2**32))
    print(f"replay with GUILDBANK_FAULTS_SEED={seed}")
    return sample(cases, seed, number)
