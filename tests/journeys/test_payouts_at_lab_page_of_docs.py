"""The page on payouts by PayPal and Stripe is done as it stands, against the lab."""

import asyncio
import json

import pytest
from tests.journeys.at_lab import page_done
from tests.journeys.test_payouts_page_of_docs import prepare
from tests.servers.guildbank import GuildbankServer


def as_an_operator(server: GuildbankServer) -> None:
    asyncio.run(prepare(server))


def test_the_commands_pay_out_by_both_and_the_books_hold(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("both")
    with page_done("pay-out-by-paypal-or-stripe.md", folder, 4, as_an_operator) as done:
        printed = [line for line in done.printed if line]
        account, paid, claims, by_stripe = printed
        assert json.loads(account)["secretsSet"] == ["client_secret"]
        assert (json.loads(paid)["state"], json.loads(paid)["label"]) == ("paid", "e....@e....")
        waits, back = map(json.loads, claims.replace("}{", "}\n{").splitlines())
        assert (waits["state"], back["state"]) == ("pending", "returned")
        transferred, proof = map(json.loads, by_stripe.replace("}{", "}\n{").splitlines())
        assert (transferred["state"], transferred["label"]) == ("paid", ".... rner")
        assert proof["ok"]
        (money,) = [one for one in proof["money"] if one["money"] == "EUR"]
        assert (money["paidOut"], money["payoutInFlight"], money["payoutCost"]) == (
            "6.00", "0.00", "6.00",
        )  # fmt: skip
