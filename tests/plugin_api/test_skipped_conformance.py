"""A gate that may be skipped vetoes nothing, and need not refuse where its peer is away."""

import msgspec
from tests.plugin_api.gatekeeper import MANIFEST, Gatekeeper, context, soundly

from guildbank.plugin_api import Annotated, Context, NoAnswer, PurchaseView, Veto
from guildbank.plugin_api.conformance import (
    PURCHASE,
    Check,
    GateRehearsal,
    run_gate_conformance,
)


class Noter(Gatekeeper):
    """Notes a score where there is one."""

    said = msgspec.structs.replace(MANIFEST, fail_closed=False)

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        try:
            answer = await soundly(self, context, purchase)
        except NoAnswer:
            return Annotated()
        return answer if isinstance(answer, Annotated) else self.of_many()

    def of_many(self) -> Annotated | Veto:
        return Annotated(annotations={"many": "yes"})


class VetoesMany(Noter):
    """Refuses where many coins are bought."""

    def of_many(self) -> Annotated | Veto:
        return Veto(code="too_many_coins", detail="These are too many.")


async def told(gate: Gatekeeper) -> dict[str, Check]:
    checks = await run_gate_conformance(gate, context(), GateRehearsal(admitted=PURCHASE))
    return {check.name: check for check in checks if not check.passed}


async def test_a_gate_that_lets_through_by_its_manifest_is_not_tried_in_dead_networks() -> None:
    found = await told(Noter())
    assert set(found) == {
        "nobody_is_admitted_while_the_peer_is_away",
        "nobody_is_admitted_on_rubbish",
        "nobody_is_admitted_on_a_cut_answer",
        "nobody_is_admitted_on_a_late_answer",
        "nobody_is_admitted_on_a_huge_answer",
        "nobody_is_admitted_while_the_history_is_away",
        "the_vetoed_purchase_is_vetoed",
        "a_veto_has_a_stable_code_and_a_sentence",
    }
    assert not any(check.ran for check in found.values())


async def test_a_gate_that_may_be_skipped_and_vetoes_is_told_so() -> None:
    check = (await told(VetoesMany()))["who_may_be_skipped_vetoes_nothing"]
    assert check.ran
    assert "fail_closed=False" in check.detail
    assert "too_many_coins" in check.detail
