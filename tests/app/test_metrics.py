"""What an operator under stress reads at /metrics of a server with several processes."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer

PAGE = Path(__file__).parents[2] / "docs" / "operate.md"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    """A deployment with two processes, each of which has a journal of its own."""
    folder = tmp_path_factory.mktemp("metrics") / "data"
    with GuildbankServer(folder, "--workers=2") as running:
        yield running


def figures(server: GuildbankServer) -> dict[str, float]:
    """Return every sample of the page by its name and labels."""
    page = httpx.get(f"{server.url}/metrics", trust_env=False)
    assert page.status_code == 200
    lines = [line.rsplit(" ", 1) for line in page.text.splitlines() if not line.startswith("#")]
    assert len({name for name, _ in lines}) == len(lines), "a sample is there twice"
    return {name: float(value) for name, value in lines}


def send(server: GuildbankServer, path: str, body: object, key: str) -> httpx.Response:
    """Send a call on a connection of its own, so that any process may get it."""
    with server.client() as client:
        return client.post(path, json=body, headers={"idempotency-key": key})


def test_the_journals_of_all_processes_add_up(server: GuildbankServer):
    with server.client() as client:
        player = client.post("/v1/players", json={"externalId": "watched"}).json()["id"]
    before = figures(server)
    move = {"playerId": player, "currency": "GEM", "amount": 1}
    for number in range(20):
        assert send(server, "/v1/grants", move, f"grant-{number}").status_code == 201
    for number in range(5):
        assert send(server, "/v1/grants", move, f"grant-{number}").status_code == 201
    for number in range(3):
        spend = {**move, "amount": 1_000}
        assert send(server, "/v1/spends", spend, f"spend-{number}").status_code == 422
    grants = [{"verb": "grant", "key": f"bulk-{number}", **move} for number in range(50)]
    bulk = {"mode": "each", "operations": grants}
    assert send(server, "/v1/operations:batch", bulk, "bulk").status_code == 200
    after = figures(server)
    # The queues are looked at from time to time, and once more when all is done.
    deadline = time.monotonic() + 30
    while figures(server)["guildbank_journal_operations_waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)

    def grew(name: str) -> float:
        return after[f"guildbank_journal_{name}"] - before[f"guildbank_journal_{name}"]

    assert grew('operations_total{outcome="accepted"}') == 70
    assert grew('operations_total{outcome="replayed"}') == 5
    assert grew('operations_total{outcome="refused"}') == 3
    assert grew('operations_total{outcome="failed"}') == 0
    assert grew('batches_total{outcome="committed"}') == 21
    assert grew('batches_total{outcome="empty"}') == 8
    assert grew("batch_operations_count") == grew("batch_seconds_count") == 29
    assert grew("batch_operations_sum") == 78
    assert grew('batch_operations_bucket{le="20.0"}') == 28
    assert grew("batches_split_total") == grew("batches_sent_again_total") == 0


def test_what_waits_is_read_from_the_database(server: GuildbankServer):
    deadline = time.monotonic() + 30
    while (read := figures(server))["guildbank_payments_webhooks_waiting"]:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    of = ("guildbank_payments", "guildbank_notify")
    assert {name: value for name, value in read.items() if name.startswith(of)} == {
        "guildbank_notify_mail_waiting": 0,
        "guildbank_notify_mail_failed": 0,
        "guildbank_payments_attempts_unknown": 0,
        "guildbank_payments_attempts_unapplied": 0,
        "guildbank_payments_attempts_unfinished": 0,
        "guildbank_payments_unapplied_age_seconds": 0,
        "guildbank_payments_webhooks_waiting": 0,
        "guildbank_payments_reports_unread": 0,
        "guildbank_payments_callbacks_waiting": 0,
        "guildbank_payments_refund_requests_open": 0,
        "guildbank_payments_refund_requests_overdue": 0,
        "guildbank_payments_disputes_to_answer": 0,
        "guildbank_payments_disputes_due": 0,
        "guildbank_payments_callbacks_disabled": 0,
        "guildbank_payments_methods_to_let_go": 0,
        "guildbank_payments_payouts_waiting": 0,
        "guildbank_payments_payouts_unknown": 0,
        "guildbank_payments_reconciliation_differences": 0,
    }
    assert read["guildbank_backlogs_age_seconds"] < 30


def test_every_name_on_the_page_is_explained(server: GuildbankServer):
    page = httpx.get(f"{server.url}/metrics", trust_env=False).text
    served = {
        name + ("_total" if kind == "counter" and not name.endswith("_total") else "")
        for name, kind in re.findall(r"(?m)^# TYPE (guildbank_\w+) (\w+)$", page)
    }
    assert served == set(re.findall(r"(?m)^\| `(guildbank_\w+)`", PAGE.read_text()))
