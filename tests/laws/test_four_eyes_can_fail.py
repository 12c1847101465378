"""The simulation of four eyes finds defects that are bred into the real code, one at a time."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.laws.guarded import Guarded
from tests.laws.test_the_laws_can_fail import FOUND
from tests.laws.town import Town

from guildbank.approvals.contracts import OPEN, OWN_REQUEST
from guildbank.approvals.usecases import decide, gate
from guildbank.approvals.usecases.decide import Execute
from guildbank.wallets import WalletReserve

Breed = Callable[[pytest.MonkeyPatch], None]


def add_up_by_actor_alone(patch: pytest.MonkeyPatch) -> None:
    """Two people give one player what neither may give alone."""
    real = gate.tally_keys

    def keys(principal: str, *args: Any) -> Any:
        return [key for key in real(principal, *args) if key.who.startswith("by:")]

    for module in (gate, decide):
        patch.setattr(module, "tally_keys", keys)


def forget_what_waits(patch: pytest.MonkeyPatch) -> None:
    """What waits does not count for the next."""
    real = gate.Gated._store

    def store(act: Any, *args: Any) -> Any:
        with patch.context() as within:
            within.setattr(gate.Gated, "_count", lambda *_: None)
            return real(act, *args)

    patch.setattr(gate.Gated, "_store", store)


def keep_counting_what_was_rejected(patch: pytest.MonkeyPatch) -> None:
    """A no leaves the amount in the sum of the day."""
    patch.setattr(decide, "add_to", lambda tally, *_: tally)


def hold_nothing(patch: pytest.MonkeyPatch) -> None:
    """The coins that a command would take can be spent before anybody agrees."""
    patch.setattr(WalletReserve, "place", lambda *_: None)


def leave_holds(patch: pytest.MonkeyPatch) -> None:
    """Coins stay put aside after the request has ended."""
    patch.setattr(WalletReserve, "free", lambda *_: None)


def execute_what_was_executed(patch: pytest.MonkeyPatch) -> None:
    """Another person agrees once more, and it is done once more."""
    patch.setattr(Execute, "since", (*OPEN, "executed"))


def execute_what_is_too_late(patch: pytest.MonkeyPatch) -> None:
    """Time does not matter to who agrees."""

    def judge(act: Any, stage: Any, one: Any) -> Any:
        return OWN_REQUEST if one.requested_by == act.principal else None

    patch.setattr(Execute, "judge", judge)


def agree_with_oneself(patch: pytest.MonkeyPatch) -> None:
    """Who asked is enough."""
    patch.setattr(Execute, "judge", lambda *_: None)


DEFECTS: tuple[Breed, ...] = (
    add_up_by_actor_alone,
    forget_what_waits,
    keep_counting_what_was_rejected,
    hold_nothing,
    leave_holds,
    execute_what_was_executed,
    execute_what_is_too_late,
    agree_with_oneself,
)


SEEDS: dict[Breed, int] = {
    keep_counting_what_was_rejected: 5,
    add_up_by_actor_alone: 2,
    execute_what_is_too_late: 2,
}
"""Where these are met soon. They are met by any other seed, as the rest are by the first, later."""


def simulate(town: Town, runs: int, number: int = 1) -> None:
    """Run the machine without shortening what it finds."""

    @seed(number)
    class Replayed(Guarded):
        def __init__(self) -> None:
            super().__init__(town)

    profile = settings(
        max_examples=runs,
        stateful_step_count=10,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Replayed, settings=profile)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.__name__)
def test_the_simulation_finds(defect: Breed, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        defect(patch)
        with pytest.raises(FOUND):
            simulate(town, runs=400, number=SEEDS.get(defect, 1))


@pytest.mark.timeout(0)
def test_the_simulation_finds_nothing_in_the_code_as_it_is(town: Town) -> None:
    simulate(town, runs=5)
