"""The page on unknown payments is true of one: its commands are run, and its rows are met."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.stall import Stall, eventually
from tests.servers.guildbank import GuildbankServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "when-a-payment-is-unknown.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
KINDS = re.findall(r"`((?:payments|provider|webhook)\.[a-z_]+)`", PAGE)


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    with closing(Stall(server)) as opened:
        yield opened


def shown(server: GuildbankServer, stall: Stall, payment: dict[str, Any], last: str) -> list[Any]:
    """Run the page's commands for a payment; return what each printed.

    Entries of the journal come to the timeline a moment later: wait for the `last`.
    """
    path = f"/v1/payments/{payment['id']}/timeline"
    eventually(lambda: last in stall.http.get(path).text)
    key = stall.http.headers["authorization"].removeprefix("Bearer ")
    known = {"GUILDBANK_URL": server.url, "KEY": key, "PAYMENT": payment["id"], "no_proxy": "*"}
    found = []
    for command in COMMANDS:
        done = subprocess.run(
            ["sh", "-eu", "-c", command], env={**server.environment, **known},
            stdout=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        found.append(json.loads(done.stdout))
    return found


def test_an_unknown_payment_is_found_to_be_paid(server: GuildbankServer, stall: Stall) -> None:
    payment = stall.buy("instant_error")
    stall.becomes(payment, "credited")
    timeline, exchanges = shown(server, stall, payment, "payments.credited")
    kinds = [one["kind"] for one in timeline["items"] if one["kind"] != "provider.called"]
    first = kinds.index("payments.attempted")
    assert kinds.index("payments.unknown") > first
    assert kinds.index("payments.credited") > kinds.index("payments.unknown")
    assert kinds.count("payments.credited") == 1
    asked = [one for one in timeline["items"] if one["kind"] == "provider.asked"]
    assert asked or "webhook.received" in kinds
    to_provider = [one for one in exchanges["items"] if one.get("status") == 500]
    assert to_provider, exchanges
    assert stall.coins() == {"paid": 500, "bonus": 50}


def test_one_that_nobody_has_heard_of_is_not_ended_by_a_guess(
    server: GuildbankServer, stall: Stall
) -> None:
    payment = stall.buy("instant_lost")
    timeline, exchanges = shown(server, stall, payment, "payments.unknown")
    kinds = [one["kind"] for one in timeline["items"] if one["kind"] != "provider.called"]
    assert kinds[:3] == ["payments.created", "payments.attempted", "payments.unknown"]
    assert next(one["status"] for one in exchanges["items"] if one["method"] == "POST") == 500
    # The request may still be on its way.
    canceled = stall.send(f"/v1/payments/{payment['id']}/cancel", {})
    assert (canceled.status_code, canceled.json()["code"]) == (409, "payment_in_progress")
    assert stall.payment(payment)["state"] == "unknown"
    assert stall.coins() == {}


def test_reading_the_exchanges_is_recorded(server: GuildbankServer, stall: Stall) -> None:
    payment = stall.bought()
    shown(server, stall, payment, "payments.credited")
    found = stall.http.get("/v1/audit", params={"limit": 100})
    assert found.status_code == 200, found.text
    assert any("exchange" in one["kind"] for one in found.json()["items"]), found.text


def test_the_kinds_of_the_page_are_those_of_the_product() -> None:
    sources = Path(__file__).resolve().parents[2] / "src" / "guildbank"
    text = "".join(path.read_text() for path in (sources / "payments").rglob("*.py"))
    assert len(KINDS) >= 8
    for kind in KINDS:
        # Of some the last word is the state's own.
        assert kind in text or f'"{kind.partition(".")[2]}"' in text, kind
