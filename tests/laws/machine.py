"""The simulation: random commands to the real system and to the model, which have to agree.

One command alone must end exactly as the model says. Of commands sent together the accepted ones
have an order, that of their positions, in which the model accepts them with the same facts; one
that was refused must have been refusable with that code at some place of this order.
"""

import asyncio
from collections.abc import Sequence
from copy import deepcopy

import msgspec
from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.laws.checks import check_bars, check_laws, check_wallets
from tests.laws.commands import (
    Command,
    Expected,
    GrantCoins,
)
from tests.laws.draws import Happening, happenings
from tests.laws.purchases import (
    Buy,
    Deed,
    PaymentCommand,
)
from tests.laws.town import Paid, Sent, Tenant, Town, facts_of, later
from tests.laws.world import World

from guildbank.journal import Receipt
from guildbank.journal.contracts import Entry
from guildbank.kernel import Refusal
from guildbank.tenancy.contracts import SpentCoins

START = (
    GrantCoins(0, "GEM", 10),
    Buy(0, "GEM", 10, 3, 499, None),
    Buy(1, "ORE", 12, 0, 100, None),
    GrantCoins(1, "GEM", 10),
)
"""An empty town has little to say."""

Sendable = tuple[Command | Deed, str | None, int]
"""A command that is aimed, its key, and the worker that it goes to."""
Answer = Receipt | Refusal | None
"""How a command ended; deeds answer None when they were not refused."""


class Economy(RuleBasedStateMachine):
    """One tenant's life. `town` is the system that it lives in."""

    def __init__(self, town: Town) -> None:
        super().__init__()
        self.town = town
        self.keys = 0
        self.sound = False
        self.told: list[str] = []

    @initialize(policy=st.sampled_from(["refuse", "debt", "debt", "write_off"]))
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

    def aim(self, command: Command | Deed, worker: int) -> Sendable:
        """Choose what the command is about, and a fresh idempotency key if it bears one."""
        self.keys += 1
        keyed = isinstance(command, Deed) or command.keyed
        return command.aimed(self.world), f"key-{self.keys}" if keyed else None, worker

    @rule(happenings=st.lists(happenings(), min_size=4, max_size=12))
    def day(self, happenings: Sequence[Happening]) -> None:
        """What happens, one after another. One rule holds it all, because Hypothesis leaves out
        about half of a machine's rules in each run, and most runs would have no life in them.
        """
        self.live(happenings)

    def live(self, happenings: Sequence[Happening]) -> None:
        """Live through what happens."""
        self.sound = False
        try:
            for name, arguments in happenings:
                getattr(self, name)(**arguments)
        except Exception as wrong:
            self.town.report(self.told, wrong)
            raise
        self.sound = True

    def tell(self, line: str) -> None:
        """Keep a line for the report of a failing history."""
        self.told.append(line)
        if currently_in_test_context():
            note(line)

    def alone(self, command: Command | Deed, worker: int) -> None:
        """A command while nothing else happens."""
        self.settle([self.aim(command, worker)], exact=True)

    def together(self, drawn: Sequence[tuple[Command | Deed, int]]) -> None:
        """Several commands at once, over two workers."""
        self.settle([self.aim(*one) for one in drawn], exact=False)

    def rivals(self, command: Command | Deed, times: int) -> None:
        """The same wish several times at once, each with a key of its own, over two workers."""
        self.settle([self.aim(command, number % 2) for number in range(times)], exact=False)

    def all_or_none(self, drawn: Sequence[Command]) -> None:
        """Several commands in one commit, or none of them."""
        keyed = [(one.aimed(self.world), f"{self.aim(one, 0)[1]}") for one in drawn]
        answers = self.town.run(self.tenant.send_all(keyed))
        self.tell(f"all or none: {keyed} -> {answers}")
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
        self.pay(self.tenant.paid[-1 - pick % len(self.tenant.paid)], worker)
        self.follow([], [])

    def pay(self, paid: Paid, worker: int = 0) -> None:
        """Send a command of payments again: it is taken for the same, also without its words."""
        answer = self.town.run(self.tenant.do(paid.command, paid.key, worker))
        assert code_of(answer) is None, (paid, answer)

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
        self.tell(f"{key}: {aimed} -> {answer}")
        if aimed.same_request(met[0].command):
            assert_replayed(met[0], answer)
        else:
            # Words for who is forgotten cannot be compared: where none were kept, none are taken.
            lost = aimed.unasked(self.world)
            assert code_of(answer) in {"key_reused", lost} - {None}, answer

    def wait(self, seconds: int) -> None:
        """Time passes: holds run out, days end."""
        self.world.remember()
        self.town.tick(later(self.town.now, seconds))
        self.world.tick(self.town.now)

    def settle(self, group: Sequence[Sendable], *, exact: bool) -> None:
        """Send commands at once, and hold what happened against the model.

        `exact` wants a refused command to be refusable before anything happened.
        """
        answers = self.town.run(self._send(group))
        refused: list[tuple[Command | Deed, str]] = []
        accepted: list[tuple[Command, str | None, Receipt]] = []
        paid: list[tuple[PaymentCommand, str]] = []
        for (command, key, worker), answer in zip(group, answers, strict=True):
            self.tell(f"{worker}: {command} -> {answer}")
            if isinstance(answer, Refusal):
                refused.append((command, answer.code))
            elif isinstance(command, Deed):
                assert not exact or (code := command.refusal(self.world)) is None, (command, code)
                if isinstance(command, PaymentCommand):
                    paid.append((command, f"{key}"))
            else:
                assert isinstance(answer, Receipt)
                accepted.append((command, key, answer))
        if exact:
            assert not (left := unexplained(self.world, refused)), f"not refusable: {left}"
        self.follow(accepted, refused)
        self.tenant.paid.extend(Paid(*one) for one in paid)

    async def _send(self, group: Sequence[Sendable]) -> list[Answer]:
        return await asyncio.gather(
            *(
                self.tenant.do(command, f"{key}", worker)
                if isinstance(command, Deed)
                else self.tenant.send(command, key, worker)
                for command, key, worker in group
            )
        )

    def follow(
        self,
        accepted: Sequence[tuple[Command, str | None, Receipt]],
        refused: Sequence[tuple[Command | Deed, str]],
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
                continue
            self.tell(f"{entry.seq} {entry.kind} {entry.data!r}")
            self.meet(entry)
        assert not by_seq, f"acknowledged, but not written: {by_seq}"
        refused = unexplained(world, refused)
        assert not refused, f"never refusable: {refused}"
        self.town.run(check_wallets(self.tenant))
        self.town.run(check_bars(self.tenant))

    def meet(self, entry: Entry) -> None:
        """Take an entry that is no command's own: of payments, or of what became of a player."""
        world = self.world
        if entry.kind.startswith("identity.player_"):
            world.lives_entry(entry.seq, entry.kind, entry.principal, entry.data)
        elif entry.kind == "identity.erasure_requested":
            # What it asks for is an entry by itself, which may be refused under the lock.
            assert msgspec.json.decode(entry.data)["playerId"] in world.register.states, entry
        else:
            assert entry.kind.startswith("payments."), f"nobody asked for {entry}"
            world.payments_entry(entry.seq, entry.kind, entry.data)

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
        for paid in self.tenant.paid:
            self.pay(paid)
        self.follow([], [])
        self.town.run(check_laws(self.tenant))


def unexplained(
    world: World, refused: Sequence[tuple[Command | Deed, str]]
) -> list[tuple[Command | Deed, str]]:
    """Those that the model would not refuse so as the world is now.

    A word may have been sealed just before its person was erased, and the command decided after.
    """
    return [(command, code) for command, code in refused if not explains(world, command, code)]


def explains(world: World, command: Command | Deed, code: str) -> bool:
    """Say whether the model refuses it so as the world is now."""
    if isinstance(command, Deed):
        return code in (command.refusal(world), command.refused_unseeing(world))
    # The second reading is looked at where the first says something else, and is seldom another.
    readings = dict.fromkeys((command, command.sent_before))
    return any(code_of(one.expect(deepcopy(world), world.last + 1)) == code for one in readings)


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
