"""Four eyes, by simulation: what waits, what it holds, and that it is done once or never.

The model has the rules, the amounts of 24 hours by actor and by player, and each request; it runs
beside the whole economy of the other laws. `GUILDBANK_LAWS_SEED` and `GUILDBANK_LAWS` are as there.
"""

import os
from secrets import randbelow

import pytest
from hypothesis import seed
from hypothesis import settings as changed
from hypothesis.stateful import run_state_machine_as_test
from tests.laws.guarded import Guarded
from tests.laws.test_laws import LONG, PROFILE
from tests.laws.town import Town


@pytest.mark.timeout(0)
def test_the_system_and_the_model_agree_on_what_waits_and_what_becomes_of_it(town: Town) -> None:
    number = int(os.environ.get("GUILDBANK_LAWS_SEED") or randbelow(2**32))
    print(f"replay with GUILDBANK_LAWS_SEED={number}")

    @seed(number)
    def guarded() -> Guarded:
        return Guarded(town)

    profile = changed(PROFILE, max_examples=5_000 if LONG else int(os.environ.get("N", "25")))
    run_state_machine_as_test(guarded, settings=profile)  # type: ignore[arg-type]
