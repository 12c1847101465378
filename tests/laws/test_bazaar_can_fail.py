"""The simulation of payouts, fees and swords finds defects that are bred into the real code."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.laws.bazaar import Bazaar
from tests.laws.test_the_laws_can_fail import FOUND
from tests.laws.town import Town

from guildbank.kernel import Refusal
from guildbank.ledger import Account, Leg
from guildbank.payments import posting
from guildbank.payments.contracts.payouts import PayoutState
from guildbank.payments.usecases import book_fee, money
from guildbank.payments.usecases.payouts import coins, decide, finish
from guildbank.payments.usecases.take_items import take_items
from guildbank.payments.withdrawing import PAYOUT, payout_after
from guildbank.plugin_api import Outcome, OutcomeStatus
from guildbank.wallets import credit

Breed = Callable[[pytest.MonkeyPatch], None]


def believe_all_that_is_said_of_a_paid_one(patch: pytest.MonkeyPatch) -> None:
    """A payout that was paid fails when its provider says so, and its coins come back."""
    real = payout_after

    def after(state: PayoutState, outcome: Outcome) -> PayoutState | None:
        lost = outcome.status is OutcomeStatus.DECLINED and state is PayoutState.PAID
        return PayoutState.FAILED if lost else real(state, outcome)

    patch.setattr(finish, "payout_after", after)


def give_back_what_is_unknown(patch: pytest.MonkeyPatch) -> None:
    """No answer is taken for a no."""
    real = payout_after

    def after(state: PayoutState, outcome: Outcome) -> PayoutState | None:
        said = real(state, outcome)
        return PayoutState.FAILED if said is PayoutState.UNKNOWN else said

    patch.setattr(finish, "payout_after", after)


def pay_out_young_coins(patch: pytest.MonkeyPatch) -> None:
    """Coins are paid out on the day they come."""

    def aged(_address: Any, account: Account, *_: Any) -> int:
        return account.available

    patch.setattr(coins, "aged_coins", aged)


def give_coins_back_as_new_ones(patch: pytest.MonkeyPatch) -> None:
    """What comes back of a payout has no origin."""

    def as_new(*args: Any, restores: Any, **more: Any) -> Refusal | None:
        return credit(*args, **more)

    patch.setattr(coins, "credit", as_new)


def take_back_what_was_sent(patch: pytest.MonkeyPatch) -> None:
    """A player gets the coins back while the money is on its way."""
    sent = {PayoutState.PENDING, PayoutState.UNKNOWN}
    loose = {
        state: after | ({PayoutState.CANCELED} if state in sent else set())
        for state, after in PAYOUT.items()
    }
    patch.setattr(decide, "PAYOUT", loose)


def keep_the_money_of_failed_ones_in_flight(patch: pytest.MonkeyPatch) -> None:
    """The coins come back, and their money stays under way for ever."""

    def leg(debits: Any, to: Any, amount: int, **more: Any) -> Any:
        stays = debits == (coins.in_flight("EUR"),) and to == coins.cost("EUR")
        return Leg(debits, debits[0] if stays else to, amount, **more)

    patch.setattr(coins, "Leg", leg)


def book_a_fee_with_every_report(patch: pytest.MonkeyPatch) -> None:
    """A line that is reported again is booked again."""
    begin = book_fee.BookFee.__init__

    def keyless(act: book_fee.BookFee, *args: Any) -> None:
        begin(act, *args)
        act.key_hash = act.fingerprint = None

    patch.setattr(book_fee.BookFee, "__init__", keyless)


def take_fees_for_refunds(patch: pytest.MonkeyPatch) -> None:
    """What the provider kept is booked with money that goes back to players."""
    patch.setattr(posting, "fees", posting.refunding)


def owe_before_things_are_taken(patch: pytest.MonkeyPatch) -> None:
    """What spent coins bought stays, and the player owes them."""
    patch.setattr(money, "take_items", lambda *_: ())


def take_all_things_there_are(patch: pytest.MonkeyPatch) -> None:
    """A refund takes everything that the coins bought, however few of them are due."""

    def greedy(stage: Any, book: Any, intent: Any, due: Any, items: Any) -> Any:
        return take_items(
            stage, book, intent, {bucket: n + 1_000 for bucket, n in due.items()}, items
        )

    patch.setattr(money, "take_items", greedy)


DEFECTS: tuple[Breed, ...] = (
    believe_all_that_is_said_of_a_paid_one,
    give_back_what_is_unknown,
    pay_out_young_coins,
    give_coins_back_as_new_ones,
    take_back_what_was_sent,
    keep_the_money_of_failed_ones_in_flight,
    book_a_fee_with_every_report,
    take_fees_for_refunds,
    owe_before_things_are_taken,
    take_all_things_there_are,
)
SEEDS: dict[Breed, int] = {take_back_what_was_sent: 2}
"""Where these are met soon. They are met by any other seed, as the rest are by the first, later."""


def simulate(town: Town, runs: int, number: int = 1) -> None:
    """Run the machine without shortening what it finds."""

    @seed(number)
    class Replayed(Bazaar):
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
            simulate(town, runs=200, number=SEEDS.get(defect, 1))


@pytest.mark.timeout(0)
def test_the_simulation_finds_nothing_in_the_code_as_it_is(town: Town) -> None:
    simulate(town, runs=3)
