"""Gates are asked in their turn and veto before money moves."""

import asyncio

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop

from guildbank.kernel import Refusal
from guildbank.payments.usecases.read_timeline import read_timeline
from guildbank.plugin_api import Annotated, Context, Manifest, PurchaseView, Slot, Veto


class Gate:
    """An entry and middleware plugin that answers as told."""

    def __init__(self, slot: Slot, answer: object, *, fail_closed: bool = True) -> None:
        self.manifest = Manifest(
            id=f"gate-{slot}", version="1", slot=slot, title="Gate", timeout_seconds=1,
            settings_schema={"type": "object", "additionalProperties": False},
            fail_closed=fail_closed,
        )  # fmt: skip
        self.answer = answer
        self.seen: list[PurchaseView] = []

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        self.seen.append(purchase)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer == "late":
            await asyncio.sleep(30)
        assert isinstance(self.answer, Annotated | Veto)
        return self.answer

    before_provider = admit


async def gated(house: House, gate: Gate) -> Shop:
    shop = await open_shop(house, plugins=(("gate", gate),))
    steps = [("the-gate", gate.manifest.id)]
    if gate.manifest.slot is Slot.ENTRY:
        await shop.publish(entry=steps)
    else:
        await shop.publish(before=steps)
    return shop


@pytest.mark.parametrize("slot", [Slot.ENTRY, Slot.MIDDLEWARE])
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Veto(code="too_young", detail="No purchases for children."), "purchase_vetoed"),
        (RuntimeError("down"), "gate_unavailable"),
        ("late", "gate_unavailable"),
    ],
)
async def test_a_gate_that_vetoes_fails_or_is_late_refuses(house, slot, answer, code):
    shop = await gated(house, Gate(slot, answer))
    outcome = await shop.try_buying(await shop.player())
    if slot is Slot.ENTRY:
        assert isinstance(outcome, Refusal)
        assert outcome.code == code
        assert await shop.kinds() == []
    else:
        assert not isinstance(outcome, Refusal)
        assert (outcome.state, outcome.problem) == ("failed", code)
        # The player is told what the check says.
        told = answer.detail if isinstance(answer, Veto) else "The check the-gate did not answer"
        assert (outcome.problem_detail or "").startswith(told)
    assert shop.script.requests == []
    assert await shop.balances() == {}


async def test_a_gate_that_declares_so_does_not_stop_purchases_when_it_is_down(house):
    shop = await gated(house, Gate(Slot.ENTRY, RuntimeError("down"), fail_closed=False))
    assert (await shop.buy(await shop.player())).state == "credited"


@pytest.mark.parametrize("slot", [Slot.ENTRY, Slot.MIDDLEWARE], ids=["entry", "before"])
async def test_a_veto_of_a_gate_that_may_be_skipped_is_ignored_and_counted(house, slot):
    gate = Gate(slot, Veto(code="too_young", detail="No."), fail_closed=False)
    shop = await gated(house, gate)
    player = await shop.player()
    for _ in range(12):
        intent = await shop.buy(player)
        assert intent.state == "credited"
    # Left alone after ten, as one that fails is.
    assert len(gate.seen) == 10
    moments = await read_timeline(shop.payments, shop.tenant, intent.id)
    assert not isinstance(moments, Refusal)
    assert "check.ignored" in [one.kind for one in moments]
    assert "check.vetoed" not in [one.kind for one in moments]


async def test_gates_see_the_price_and_may_only_annotate(house):
    gate = Gate(Slot.MIDDLEWARE, Annotated(annotations={"score": "7"}))
    shop = await gated(house, gate)
    player = await shop.player()
    assert (await shop.buy(player)).state == "credited"
    (seen,) = gate.seen
    assert (seen.amount_minor, seen.currency, seen.player_id) == (499, "EUR", player)
