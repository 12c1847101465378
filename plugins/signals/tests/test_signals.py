"""What is known of the client is noted, what is not known is not, and nothing is refused."""

from datetime import datetime
from typing import Any

import msgspec
import pytest
from tests.purchases import bought, context

from guildbank.plugin_api import Annotated, PurchaseView
from guildbank.plugin_api.conformance import GateRehearsal, RecordedHistory, run_gate_conformance
from guildbank.plugin_host import Plugins, check_settings
from guildbank_signals.manifest import MANIFEST
from guildbank_signals.plugin import PLUGIN

DEVICE = "0123456789abcdef0123456789abcdef"


def here(sharers: int = 0, **settings: Any) -> Any:
    history = RecordedHistory({}, {DEVICE: sharers})
    return msgspec.structs.replace(context(settings), history=history)


async def noted(purchase: PurchaseView, **more: Any) -> dict[str, str]:
    return dict((await PLUGIN.before_provider(here(**more), purchase)).annotations)


def test_the_step_is_found_and_only_annotates() -> None:
    assert MANIFEST in Plugins.discover().manifests()
    assert MANIFEST.fail_closed is False
    for settings in ({}, {"device_days": 1}, {"device_days": 31}):
        assert check_settings(MANIFEST, settings) is None


@pytest.mark.parametrize(
    ("address", "address_country", "country", "notes"),
    [
        ("203.0.113.7", "DE", "DE", {"address_country": "DE", "mismatch": "no"}),
        ("203.0.113.7", "DE", "TR", {"address_country": "DE", "mismatch": "yes"}),
        ("203.0.113.7", "DE", None, {"address_country": "DE"}),
        ("203.0.113.7", None, "TR", {"address_country": "unknown"}),
        (None, None, "TR", {}),
    ],
)
async def test_a_country_that_differs_is_told_only_where_both_are_known(
    address: str | None, address_country: str | None, country: str | None, notes: dict[str, str]
) -> None:
    purchase = bought(
        address=address, address_country=address_country, country=country, device=None
    )
    assert await noted(purchase) == notes


async def test_how_many_others_share_the_device_is_a_number() -> None:
    purchase = bought(device=DEVICE, address=None, address_country=None)
    assert await noted(purchase) == {"shared_device": "0"}
    assert await noted(purchase, sharers=3) == {"shared_device": "3"}
    assert await noted(bought(device=None, address=None)) == {}


async def test_others_are_counted_for_as_many_days_as_the_settings_say() -> None:
    asked: list[datetime] = []

    class Noting(RecordedHistory):
        async def sharers(self, device: str, player_id: str, since: datetime) -> int:
            asked.append(since)
            return 0

    for days in (None, 30):
        settings = {} if days is None else {"device_days": days}
        given = msgspec.structs.replace(context(settings), history=Noting({}))
        await PLUGIN.before_provider(given, bought())
        assert (given.now - asked[-1]).days == (days or 7)


@pytest.mark.parametrize("days", [0, 32, "7"])
def test_days_that_no_history_has_are_refused(days: object) -> None:
    refusal = check_settings(MANIFEST, {"device_days": days})
    assert refusal is not None
    assert refusal.field == "settings.device_days"


async def test_the_contract_of_gates_holds() -> None:
    checks = await run_gate_conformance(PLUGIN, here(2), GateRehearsal(admitted=bought()))
    assert [check for check in checks if check.ran and not check.passed] == []
    assert {"no_address_is_noted", "the_admitted_purchase_is_admitted"} <= {
        check.name for check in checks if check.passed
    }


async def test_a_history_that_is_away_is_no_zero() -> None:
    without = msgspec.structs.replace(context({}), history=None)
    with pytest.raises(LookupError):
        await PLUGIN.before_provider(without, bought())
    answer = await PLUGIN.before_provider(without, bought(device=None))
    assert isinstance(answer, Annotated)
