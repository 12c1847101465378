"""What the simulation draws: commands and happenings, the interesting ones more often."""

from typing import Any

from hypothesis import strategies as st
from tests.laws.commands import (
    CaptureCoins,
    Command,
    ExpireHold,
    FreezeWallet,
    GrantCoins,
    HoldCoins,
    LimitSpending,
    ReleaseCoins,
    ReverseEntry,
    SpendCoins,
)
from tests.laws.lives import (
    ClosePlayer,
    ErasePlayer,
    LiftSuspensions,
    ReinstatePlayer,
    SuspendPlayer,
)
from tests.laws.purchases import (
    Buy,
    CancelOrder,
    Deed,
    DisputeTurns,
    GiveMoneyBack,
    PaymentTurns,
    RefundTurns,
)
from tests.laws.town import CURRENCIES, PLAYERS

# The last one is a stranger, who has no account.
players = st.sampled_from([0] * 20 + [1] * 8 + [PLAYERS])
currencies = st.sampled_from([CURRENCIES[0].code] * 5 + [CURRENCIES[1].code])
amounts = st.integers(1, 12)
parts = st.none() | st.integers(1, 8)
picks = st.integers(0, 8)
prices = st.integers(1, 999)
workers = st.integers(0, 1)
waits = st.sampled_from([30, 3600, 50_000])

grants = st.builds(GrantCoins, players, currencies, amounts)
spends = st.builds(SpendCoins, players, currencies, amounts)
noted = st.builds(GrantCoins, players, currencies, amounts, st.just(True)) | st.builds(
    SpendCoins, players, currencies, amounts, st.just(True)
)
holds = st.builds(HoldCoins, players, currencies, amounts, st.sampled_from([60, 7200, 100_000]))
captures = st.builds(CaptureCoins, picks, parts)
releases = st.builds(ReleaseCoins, picks)
expiries = st.builds(ExpireHold, picks)
reversals = st.builds(ReverseEntry, picks, parts)
freezes = st.builds(FreezeWallet, players, currencies, st.sampled_from([True, False, False]))
limits = st.builds(LimitSpending, players, currencies, st.none() | st.integers(20, 60))
purchases = st.builds(
    Buy, players, currencies, st.integers(1, 15), st.integers(0, 4), prices,
    st.sampled_from([None] * 9 + ["declined", "pending", "pending"]),
)  # fmt: skip
payment_news = st.builds(
    PaymentTurns, picks, status=st.sampled_from(["processed", "processed", "declined"])
)
cancels = st.builds(CancelOrder, picks)
refunds = st.builds(
    GiveMoneyBack, picks, amount=st.none() | prices,
    ends=st.sampled_from(["processed", "processed", "declined", "pending"]),
)  # fmt: skip
refund_news = st.builds(
    RefundTurns, picks, which=picks, status=st.sampled_from(["processed", "declined"])
)
dispute_news = st.builds(
    DisputeTurns, st.integers(0, 2), which=st.integers(0, 1),
    kind=st.sampled_from([
        "dispute_opened", "dispute_funds_withdrawn", "dispute_funds_withdrawn",
        "dispute_funds_reinstated", "dispute_closed", "dispute_closed",
    ]),
    share=st.integers(1, 3), won=st.booleans(),
)  # fmt: skip

suspensions = st.builds(SuspendPlayer, players, seconds=st.none() | waits)
reinstatements = st.builds(ReinstatePlayer, players)
closings = st.builds(ClosePlayer, players)
erasures = st.builds(ErasePlayer, players)
liftings = st.builds(LiftSuspensions)


@st.composite
def commands(draw: st.DrawFn, *, wallets_only: bool = False) -> Command | Deed:
    """Draw a command, the interesting ones more often."""
    kinds = WALLET_KINDS if wallets_only else KINDS
    return draw(draw(st.sampled_from(kinds)))


def repeated(weights: dict[st.SearchStrategy[Any], int]) -> list[st.SearchStrategy[Any]]:
    """A list in which a strategy stands as often as its weight says."""
    return [one for one, weight in weights.items() for _ in range(weight)]


WALLET_KINDS = repeated(
    {grants: 3, spends: 6, holds: 3, captures: 4, releases: 1, reversals: 5, freezes: 1, limits: 1}
)
KINDS = WALLET_KINDS + repeated(
    {
        noted: 1, expiries: 1, purchases: 4, payment_news: 1, cancels: 1, refunds: 4,
        refund_news: 1, dispute_news: 3, suspensions: 2, reinstatements: 3, closings: 1,
        erasures: 1, liftings: 1,
    }
)  # fmt: skip
keyed_commands = commands(wallets_only=True)
Happening = tuple[str, dict[str, Any]]
"""The name of a method of the machine, and its arguments."""

HAPPENINGS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "alone": (16, {"command": commands(), "worker": workers}),
    "together": (
        5, {"drawn": st.lists(st.tuples(commands(), workers), min_size=2, max_size=6)}
    ),
    "rivals": (3, {"command": commands(), "times": st.integers(2, 4)}),
    "all_or_none": (2, {"drawn": st.lists(keyed_commands, min_size=2, max_size=4)}),
    "again": (1, {"pick": picks, "worker": workers}),
    "pay_again": (1, {"pick": picks, "worker": workers}),
    "with_a_used_key": (1, {"pick": picks, "command": keyed_commands}),
    "wait": (1, {"seconds": waits}),
}  # fmt: skip
_NAMES = [name for name, (weight, _) in HAPPENINGS.items() for _ in range(weight)]


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    """Draw something that may happen."""
    name = draw(st.sampled_from(_NAMES))
    return name, draw(st.fixed_dictionaries(HAPPENINGS[name][1]))
