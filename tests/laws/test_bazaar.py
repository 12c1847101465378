"""Payouts, swords and the bank's fees, by simulation: what is taken, paid, and comes back.

The model has the very coins that a payout or a sword took, how old they are and how each stands;
the bank has its own books. It runs beside the whole economy of the other laws.
`GUILDBANK_LAWS_SEED` and `GUILDBANK_LAWS` are as there.
"""

import os
from secrets import randbelow

import pytest
from hypothesis import seed
from hypothesis import settings as changed
from hypothesis.stateful import run_state_machine_as_test
from tests.laws.bazaar import Bazaar
from tests.laws.test_laws import LONG, PROFILE
from tests.laws.town import Town


@pytest.mark.timeout(0)
def test_the_system_and_the_model_agree_on_what_is_paid_out(town: Town) -> None:
    number = int(os.environ.get("GUILDBANK_LAWS_SEED") or randbelow(2**32))
    print(f"replay with GUILDBANK_LAWS_SEED={number}")

    @seed(number)
    def bazaar() -> Bazaar:
        return Bazaar(town)

    profile = changed(PROFILE, max_examples=5_000 if LONG else 15)
    run_state_machine_as_test(bazaar, settings=profile)  # type: ignore[arg-type]
