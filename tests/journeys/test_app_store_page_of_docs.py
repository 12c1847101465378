"""The page on the App Store is done as it stands: bought, given back, subscribed and renewed."""

import json

import pytest
from tests.journeys.at_lab import page_done


def test_the_commands_sell_at_the_lab_and_the_history_tells_of_the_refund(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with page_done("app-store.md", tmp_path_factory.mktemp("apple"), 6) as done:
        account, _, confirmed, _, _, stands = done.printed
        assert json.loads(account)["secretsSet"] == ["private_key"]
        payment = json.loads(confirmed)
        assert payment["state"] == "credited", confirmed
        assert payment["amount"] == {"amount": "4.99", "currency": "USD"}
        refunds = done.comes(payment["id"], "refunds")
        assert [one["state"] for one in refunds] == ["succeeded"]
        (subscription,) = json.loads(stands)["items"]
        assert (subscription["state"], subscription["renews"]) == ("active", True)
        assert subscription["paymentId"] != payment["id"]
        renewal = done.ask(f"/v1/payments/{subscription['paymentId']}")
        assert renewal["state"] == "credited"
