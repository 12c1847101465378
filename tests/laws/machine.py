"""The simulation: random commands to the real system and to the model, which have to agree.

One command alone must end exactly as the model says. Of commands sent together the accepted ones
have an order, that of their positions, in which the model accepts them with the same facts; one
that was refused must have been refusable with that code at some place of this order.
"""

import asyncio
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.laws.checks import check_laws, check_wallets
from tests.laws.commands import (
    CaptureCoins,
    Command,
    Expected,
    ExpireHold,
    FreezeWallet,
    GrantCoins,
    HoldCoins,
    LimitSpending,
    ReleaseCoins,
    ReverseEntry,
    SpendCoins,
)
from tests.laws.purchases import Buy, DisputeTurns, GiveMoneyBack, PaymentCommand, RefundTurns
from tests.laws.town import CURRENCIES, PLAYERS, Sent, Tenant, Town, facts_of, later
from tests.laws.world import World

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.tenancy.contracts import SpentCoins

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
holds = st.builds(HoldCoins, players, currencies, amounts, st.sampled_from([60, 7200, 100_000]))
captures = st.builds(CaptureCoins, picks, parts)
releases = st.builds(ReleaseCoins, picks)
expiries = st.builds(ExpireHold, picks)
reversals = st.builds(ReverseEntry, picks, parts)
freezes = st.builds(FreezeWallet, players, currencies, st.sampled_from([True, False, False]))
limits = st.builds(LimitSpending, players, currencies, st.none() | st.integers(20, 60))
purchases = st.builds(
    Buy, players, currencies, st.integers(1, 15), st.integers(0, 4), prices,
    st.sampled_from([None] * 9 + ["declined"]),
)  # fmt: skip
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


@st.composite
def commands(draw: st.DrawFn, *, wallets_only: bool = False) -> Command | PaymentCommand:
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
    {expiries: 1, purchases: 4, refunds: 4, refund_news: 1, dispute_news: 3}
)
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


START = (
    GrantCoins(0, "GEM", 10),
    Buy(0, "GEM", 10, 3, 499, None),
    Buy(1, "ORE", 12, 0, 100, None),
    GrantCoins(1, "GEM", 10),
)
"""An empty town has little to say."""

Sendable = tuple[Command | PaymentCommand, str | None, int]
"""A command that is aimed, its key, and the worker that it goes to."""
Answer = Receipt | Refusal | None
"""How a command ended; payments answer None when they were not refused."""


class Economy(RuleBasedStateMachine):
    """One tenant's life. `town` is the system that it lives in."""

    def __init__(self, town: Town) -> None:
        super().__init__()
        self.town = town
        self.keys = 0
        self.sound = False

    @initialize(policy=st.sampled_from(["refuse", "debt", "debt"]))
    def begin(self, policy: SpentCoins) -> None:
        """Open a tenant, and let players have something."""
        self.tenant: Tenant = self.town.run(self.town.tenant(policy))
        for command in START:
            self.settle([self.aim(command, 0)], exact=True)
        self.sound = True

    @property
    def world(self) -> World:
        """What the model knows."""
        return self.tenant.world

    def aim(self, command: Command | PaymentCommand, worker: int) -> Sendable:
        """Choose what the command is about, and a fresh idempotency key if it bears one."""
        self.keys += 1
        keyed = isinstance(command, PaymentCommand) or command.keyed
        return command.aimed(self.world), f"key-{self.keys}" if keyed else None, worker

    @rule(happenings=st.lists(happenings(), min_size=4, max_size=12))
    def day(self, happenings: Sequence[Happening]) -> None:
        """What happens, one after another. One rule holds it all, because Hypothesis leaves out
        about half of a machine's rules in each run, and most runs would have no life in them.
        """
        self.sound = False
        for name, arguments in happenings:
            getattr(self, name)(**arguments)
        self.sound = True

    def alone(self, command: Command | PaymentCommand, worker: int) -> None:
        """A command while nothing else happens."""
        self.settle([self.aim(command, worker)], exact=True)

    def together(self, drawn: Sequence[tuple[Command | PaymentCommand, int]]) -> None:
        """Several commands at once, over two workers."""
        self.settle([self.aim(*one) for one in drawn], exact=False)

    def rivals(self, command: Command | PaymentCommand, times: int) -> None:
        """The same wish several times at once, each with a key of its own, over two workers."""
        self.settle([self.aim(command, number % 2) for number in range(times)], exact=False)

    def all_or_none(self, drawn: Sequence[Command]) -> None:
        """Several commands in one commit, or none of them."""
        keyed = [(one.aimed(self.world), f"{self.aim(one, 0)[1]}") for one in drawn]
        answers = self.town.run(self.tenant.send_all(keyed))
        tell(f"all or none: {keyed} -> {answers}")
        if any(isinstance(answer, Refusal) for answer in answers):
            trial = deepcopy(self.world)
            for number, ((command, _), answer) in enumerate(zip(keyed, answers, strict=False)):
                expected = command.expect(trial, trial.last + 1 + number)
                assert code_of(answer) == code_of(expected), (command, answer, expected)
            self.follow([], [])
            return
        pairs = zip(keyed, answers, strict=True)
        self.follow([(*one, got) for one, got in pairs if isinstance(got, Receipt)], [])

    def again(self, pick: int, worker: int) -> None:
        """The same command with the same key, twice at once: the first answer, and nothing more."""
        if not self.tenant.sent:
            return
        sent = chosen(self.tenant.sent, pick)
        twice: list[Sendable] = [(sent.command, sent.key, one) for one in (worker, 1 - worker)]
        for answer in self.town.run(self._send(twice)):
            assert_replayed(sent, answer)
        self.follow([], [])

    def pay_again(self, pick: int, worker: int) -> None:
        """The same purchase, refund or event once more: accepted, and nothing happens."""
        if not self.tenant.paid:
            return
        command, key = self.tenant.paid[-1 - pick % len(self.tenant.paid)]
        answer = self.town.run(self.tenant.send_payment(command, key, worker))
        assert answer is None, (command, answer)
        self.follow([], [])

    def with_a_used_key(self, pick: int, command: Command) -> None:
        """Another command with a used key: refused within a verb, independent of another verb's."""
        aimed, sent = command.aimed(self.world), self.tenant.sent
        if not sent:
            return
        key = chosen([one for one in sent if one.command.same_verb(aimed)] or sent, pick).key
        met = [one for one in sent if one.key == key and one.command.same_verb(aimed)]
        if not met:
            self.settle([(aimed, key, 0)], exact=True)
            return
        answer = self.town.run(self.tenant.send(aimed, key))
        tell(f"{key}: {aimed} -> {answer}")
        if aimed.same_request(met[0].command):
            assert_replayed(met[0], answer)
        else:
            assert code_of(answer) == "key_reused", answer

    def wait(self, seconds: int) -> None:
        """Time passes: holds run out, days end."""
        self.world.remember()
        self.town.now = later(self.town.now, seconds)
        self.world.tick(self.town.now)

    def settle(self, group: Sequence[Sendable], *, exact: bool) -> None:
        """Send commands at once, and hold what happened against the model.

        `exact` wants a refused command to be refusable before anything happened.
        """
        answers = self.town.run(self._send(group))
        refused: list[tuple[Command | PaymentCommand, str]] = []
        accepted: list[tuple[Command, str | None, Receipt]] = []
        for (command, key, worker), answer in zip(group, answers, strict=True):
            tell(f"{worker}: {command} -> {answer}")
            if isinstance(answer, Refusal):
                refused.append((command, answer.code))
            elif isinstance(command, PaymentCommand):
                assert not exact or (code := command.refusal(self.world)) is None, (command, code)
                self.tenant.paid.append((command, f"{key}"))
            else:
                assert isinstance(answer, Receipt)
                accepted.append((command, key, answer))
        if exact:
            assert not (left := unexplained(self.world, refused)), f"not refusable: {left}"
        self.follow(accepted, refused)

    async def _send(self, group: Sequence[Sendable]) -> list[Answer]:
        return await asyncio.gather(
            *(
                self.tenant.send_payment(command, f"{key}", worker)
                if isinstance(command, PaymentCommand)
                else self.tenant.send(command, key, worker)
                for command, key, worker in group
            )
        )

    def follow(
        self,
        accepted: Sequence[tuple[Command, str | None, Receipt]],
        refused: Sequence[tuple[Command | PaymentCommand, str]],
    ) -> None:
        """Take the new entries one after another: each is of a command, or of payments."""
        by_seq = {receipt.seq: (command, key, receipt) for command, key, receipt in accepted}
        world = self.world
        for entry in self.town.run(self.tenant.new_entries()):
            refused = unexplained(world, refused)
            assert entry.seq == world.last + 1, f"{entry} is not the next one"
            world.note(entry.seq, entry.at)
            if entry.seq in by_seq:
                self.take(*by_seq.pop(entry.seq))
            else:
                assert entry.kind.startswith("payments."), f"nobody asked for {entry}"
                tell(f"{entry.seq} {entry.kind} {entry.data!r}")
                world.payments_entry(entry.seq, entry.kind, entry.data)
        assert not by_seq, f"acknowledged, but not written: {by_seq}"
        refused = unexplained(world, refused)
        assert not refused, f"never refusable: {refused}"
        self.town.run(check_wallets(self.tenant))

    def take(self, command: Command, key: str | None, receipt: Receipt) -> None:
        """Do in the model what the system did, and compare what both say of it."""
        expected = command.expect(self.world, receipt.seq)
        assert isinstance(expected, dict), f"{command}: refused as {expected}, but {receipt}"
        facts = facts_of(receipt)
        wrong = {name: facts.get(name) for name in expected if facts.get(name) != expected[name]}
        assert not wrong, f"{command}: {wrong} in place of {expected}"
        if key is not None:
            self.tenant.sent.append(Sent(command, key, receipt))

    def teardown(self) -> None:
        """After the run: every key once more, and all laws of the design."""
        if not self.sound:
            return
        for sent in self.tenant.sent:
            assert_replayed(sent, self.town.run(self.tenant.send(sent.command, sent.key)))
        for command, key in self.tenant.paid:
            assert self.town.run(self.tenant.send_payment(command, key)) is None
        self.follow([], [])
        self.town.run(check_laws(self.tenant))


def unexplained(
    world: World, refused: Sequence[tuple[Command | PaymentCommand, str]]
) -> list[tuple[Command | PaymentCommand, str]]:
    """Those that the model would not refuse so as the world is now."""
    left = []
    for command, code in refused:
        if isinstance(command, PaymentCommand):
            answer = command.refusal(world)
        else:
            answer = code_of(command.expect(deepcopy(world), world.last + 1))
        if answer != code:
            left.append((command, code))
    return left


def tell(line: str) -> None:
    """Keep a line for the report of a failing history."""
    if currently_in_test_context():
        note(line)


def chosen(sent: Sequence[Sent], pick: int) -> Sent:
    """One that was sent, a late one for a small pick."""
    return sent[-1 - pick % len(sent)]


def code_of(answer: Answer | Expected) -> str | None:
    """The code of a refusal; None for what was accepted."""
    if isinstance(answer, str):
        return answer
    return answer.code if isinstance(answer, Refusal) else None


def assert_replayed(sent: Sent, answer: Answer) -> None:
    """The answer is the first one, word for word."""
    first = sent.receipt
    assert isinstance(answer, Receipt), (sent, answer)
    assert answer.replayed
    assert (answer.seq, answer.at, answer.kind) == (first.seq, first.at, first.kind)
    assert answer.data == first.data
