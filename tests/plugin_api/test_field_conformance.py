"""Whoever helps to fill in settings is held to it: sound fields pass, options are few and clean."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.plugin_api.gatekeeper import UNSPOKEN, Gatekeeper, context

from guildbank.plugin_api import Context, Health, Option, SettingProblem
from guildbank.plugin_api.conformance import Check, run_gate_conformance

CHECKED, OFFERED, WELL = (
    "fields_are_checked_one_by_one", "options_fit_their_fields", "its_health_is_a_sentence",
)  # fmt: skip


class Helpful(Gatekeeper):
    """A gate that helps."""

    def check_field(self, field: str, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        return self.check_settings({field: settings[field]})

    async def options(self, context: Context, field: str) -> Sequence[Option]:
        return [Option(value="10", title="Ten"), Option(value="20", title="Twenty")]

    async def health(self, context: Context) -> Health:
        return Health(well=True, detail="All is well.")


class FindsFault(Helpful):
    def check_field(self, field: str, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        return [SettingProblem(field=field, detail=f"Not {settings[field]}.")]


class NeedsTheOthers(Helpful):
    def check_field(self, field: str, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        assert settings["most"] > len(settings["secret"])
        return []


class OffersTwice(Helpful):
    async def options(self, context: Context, field: str) -> Sequence[Option]:
        return [Option(value="10", title="Ten"), Option(value="10", title="Zehn")]


class OffersAll(Helpful):
    async def options(self, context: Context, field: str) -> Sequence[Option]:
        return [Option(value=str(one), title="one") for one in range(501)]


class OffersASecret(Helpful):
    async def options(self, context: Context, field: str) -> Sequence[Option]:
        return [Option(value="1", title=f"As {context.settings['secret']}")]


class SaysNothing(Helpful):
    async def health(self, context: Context) -> Health:
        return Health(well=True, detail="")


class TellsAll(Helpful):
    async def health(self, context: Context) -> Health:
        return Health(well=True, detail=f"With {context.settings['secret']}.")


async def told(gate: Gatekeeper) -> dict[str, Check]:
    checks = await run_gate_conformance(gate, context())
    assert UNSPOKEN not in str(checks)
    return {check.name: check for check in checks}


async def test_a_helpful_gate_is_asked_and_passes_and_another_is_not_asked() -> None:
    checks = await told(Helpful())
    assert [checks[name].passed for name in (CHECKED, OFFERED, WELL)] == [True] * 3
    assert not (await told(Gatekeeper())).keys() & {CHECKED, OFFERED, WELL}


@pytest.mark.parametrize(
    ("unsound", "fault"),
    [
        (FindsFault, CHECKED), (NeedsTheOthers, CHECKED), (OffersTwice, OFFERED),
        (OffersAll, OFFERED), (OffersASecret, OFFERED), (SaysNothing, WELL), (TellsAll, WELL),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)  # fmt: skip
async def test_help_that_misleads_is_found(unsound: type[Helpful], fault: str) -> None:
    check = (await told(unsound()))[fault]
    assert check.ran
    assert not check.passed
    assert check.detail
