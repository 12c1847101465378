"""The page on Google Play is done as it stands: bought, voided, subscribed and renewed.

That the coins go with the money is tried without a server, whose list is read once a minute.
"""

import json

import pytest
from tests.journeys.at_lab import page_done


def test_the_commands_sell_at_the_lab_and_void_what_was_sold(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with page_done("google-play.md", tmp_path_factory.mktemp("google"), 6) as done:
        account, _, confirmed, voided, _, stands = done.printed
        assert json.loads(account)["secretsSet"] == ["service_account"]
        payment = json.loads(confirmed)
        assert payment["state"] == "credited", confirmed
        assert payment["amount"] == {"amount": "4.99", "currency": "USD"}
        assert json.loads(voided) == {"state": "CANCELLED"}
        (subscription,) = json.loads(stands)["items"]
        assert (subscription["state"], subscription["renews"]) == ("active", True)
        renewal = done.ask(f"/v1/payments/{subscription['paymentId']}")
        assert renewal["state"] == "credited"
        assert renewal["attempts"][0]["reference"].endswith("..0")
