"""The laws of the design, by simulation: the whole economy against a model with explicit coins.

Each run draws a seed and prints it; the same seed replays the same histories, and a failure ends
with the shortest history that still fails:

    GUILDBANK_LAWS_SEED=1234 make test TESTS=tests/laws/test_laws.py

What is sent at once over two workers is ordered by the database, so a fault that needs a race may
take several replays. `GUILDBANK_LAWS=long` runs for hours instead of minutes.
"""

import os
from secrets import randbelow

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.laws.machine import Economy
from tests.laws.town import Town

LONG = os.environ.get("GUILDBANK_LAWS") == "long"
PROFILE = settings(
    max_examples=5_000 if LONG else 40,
    stateful_step_count=25 if LONG else 10,
    deadline=None,
    database=None,
    print_blob=True,
    report_multiple_bugs=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.timeout(0)
def test_the_system_and_the_model_agree_on_every_history(town: Town) -> None:
    number = int(os.environ.get("GUILDBANK_LAWS_SEED") or randbelow(2**32))
    print(f"replay with GUILDBANK_LAWS_SEED={number}")

    @seed(number)
    def economy() -> Economy:
        return Economy(town)

    run_state_machine_as_test(economy, settings=PROFILE)  # type: ignore[arg-type]
