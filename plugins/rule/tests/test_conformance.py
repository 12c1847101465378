"""The contract of gates holds for rules."""

import pytest
from tests.purchases import bought, context

from guildbank.plugin_api.conformance import Check, GateRehearsal, run_gate_conformance
from guildbank_rule.plugin import PLUGIN

SETTINGS = {
    "rules": [
        {
            "name": "not from France",
            "when": "payment.country == 'FR'",
            "then": {"veto": {"code": "not_in_france", "detail": "Not on sale in France."}},
        },
        {"name": "large", "when": "payment.coins > 500", "then": {"note": {"size": "large"}}},
    ]
}


async def test_every_check_of_the_contract_passes() -> None:
    rehearsal = GateRehearsal(vetoed=bought(country="FR"), admitted=bought())
    checks = await run_gate_conformance(PLUGIN, context(SETTINGS), rehearsal)
    assert [check for check in checks if check.ran and not check.passed] == []
    assert "the_vetoed_purchase_is_vetoed" in passed(checks)
    assert "strange_settings_raise_nothing" in passed(checks)


@pytest.mark.parametrize("strange", [{}, {"rules": None}, {"rules": [{"name": 1}]}])
def test_settings_that_do_not_fit_the_schema_are_refused_and_not_raised(strange: dict) -> None:
    [problem] = PLUGIN.check_settings(strange)
    assert problem.field == "rules"
    assert problem.detail.startswith("They do not fit the schema: ")


def passed(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if check.passed}
