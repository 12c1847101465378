"""The page on Steam's wallet is done as it stands: bought, confirmed, and charged back."""

import json

import pytest
from tests.journeys.at_lab import page_done


def test_the_commands_take_money_at_the_lab_and_the_report_takes_it_back(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with page_done("steam.md", tmp_path_factory.mktemp("steam")) as done:
        account, _, confirmed, reversal = done.printed
        assert json.loads(account)["secretsSet"] == ["publisher_key"]
        payment = json.loads(confirmed)
        assert payment["state"] == "credited", confirmed
        assert json.loads(reversal)["status"] == "Chargedback"
        disputes = done.comes(payment["id"], "disputes")
        assert [one["state"] for one in disputes] == ["lost"]
