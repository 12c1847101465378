"""The sandbox pays out, tells of it by webhooks, and reports what went and came back."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from plugins.sandbox.tests.shop import Shop, eventually

from guildbank.kernel import new_id
from guildbank.plugin_api import EventKind, Outcome, OutcomeStatus, PayoutRequest
from guildbank_sandbox.client import SandboxUnreachable
from guildbank_sandbox.plugin import PLUGIN
from guildbank_sandbox.server.config import Config
from guildbank_sandbox.server.database import Database

PAID, FAILED = OutcomeStatus.PROCESSED, OutcomeStatus.DECLINED


def request(account: str) -> PayoutRequest:
    payout = new_id("pyo")
    return PayoutRequest(
        payout_id=payout, idempotency_key=f"{payout}:pay:1", amount_minor=250, currency="EUR",
        player_id="player_1", details={"account": account},
    )  # fmt: skip


def told(shop: Shop, asked: PayoutRequest) -> list[str]:
    return [
        kind for kind, event in shop.events()
        if event.kind is EventKind.PAYOUT and event.payout_id == asked.payout_id
    ]  # fmt: skip


def hears(shop: Shop, asked: PayoutRequest, kinds: list[str]) -> None:
    """Wait until a merchant was told just this."""
    eventually(lambda: told(shop, asked) == kinds)


async def stands(shop: Shop, asked: PayoutRequest, said: Outcome) -> Outcome:
    return await PLUGIN.fetch_payout(shop.context(), asked, said.reference)


async def test_what_is_settled_later_is_told_and_found(shop: Shop) -> None:
    ends = {"paid": (PAID, None), "failed": (FAILED, "refused_by_bank")}
    for outcome, (status, code) in ends.items():
        asked = request("pending")
        said = await PLUGIN.pay_out(shop.context(), asked)
        assert said.status is OutcomeStatus.PENDING
        settled = shop.post(f"/payouts/{said.reference}/settle", {"outcome": outcome})
        assert settled.status_code == 200
        seen = ["payout.pending", f"payout.{outcome}"]
        hears(shop, asked, seen)
        found = await stands(shop, asked, said)
        assert (found.status, found.code) == (status, code)


async def test_accounts_move_on_by_themselves_and_are_told_of(shop: Shop) -> None:
    ends = {
        "later": ["payout.pending", "payout.paid"],
        "fails": ["payout.pending", "payout.failed"],
        "bounces": ["payout.paid", "payout.returned"],
    }
    asked = {account: request(account) for account in ends}
    for one in asked.values():
        await PLUGIN.pay_out(shop.context(), one)
    for account, kinds in ends.items():
        hears(shop, asked[account], kinds)


async def test_a_lost_answer_is_told_by_nobody(shop: Shop) -> None:
    asked, last = request("lost"), request("instant")
    with pytest.raises(SandboxUnreachable):
        await PLUGIN.pay_out(shop.context(), asked)
    await PLUGIN.pay_out(shop.context(), last)
    hears(shop, last, ["payout.paid"])
    assert told(shop, asked) == []
    assert (await PLUGIN.fetch_payout(shop.context(), asked, None)).status is PAID


async def test_the_report_has_what_went_and_what_came_back(shop: Shop) -> None:
    context = shop.context()
    asked = request("instant")
    said = await PLUGIN.pay_out(context, asked)
    await PLUGIN.pay_out(context, request("declined"))
    shop.post(f"/payouts/{said.reference}/settle", {"outcome": "returned"})
    span = context.now - timedelta(hours=1), context.now + timedelta(hours=1)
    page = await PLUGIN.settlements(context, *span, None)
    assert [(one.kind, one.gross_minor, one.reference, one.payout) for one in page.lines] == [
        ("player_payout", -250, said.reference, asked.payout_id),
        ("player_payout", 250, said.reference, asked.payout_id),
    ]


def test_a_file_of_before_keeps_its_payouts_and_events(tmp_path: Path) -> None:
    config = Config(data=tmp_path / "sandbox.db", public_url="http://127.0.0.1:1")
    Database(config).close()
    before = sqlite3.connect(config.data)
    before.executescript(
        """
        PRAGMA foreign_keys = OFF;
        ALTER TABLE payout DROP COLUMN webhook_url;
        ALTER TABLE payout DROP COLUMN due_ms;
        ALTER TABLE payout DROP COLUMN paid_ms;
        ALTER TABLE payout DROP COLUMN returned_ms;
        DROP TABLE event;
        CREATE TABLE event (
            id TEXT PRIMARY KEY, payment_id TEXT NOT NULL REFERENCES payment, kind TEXT NOT NULL,
            body BLOB NOT NULL, created_ms INTEGER NOT NULL
        ) STRICT;
        INSERT INTO event VALUES ('evt_1', 'pay_1', 'payment.captured', x'', 5);
        INSERT INTO delivery (event_id, state, tries, due_ms) VALUES ('evt_1', 'failed', 1, 5);
        INSERT INTO payout
        VALUES ('spyo_1', 'acc', 'pyo_1', 250, 'EUR', 'instant', 'paid', NULL, 5);
        """
    )
    before.close()
    database = Database(config)
    with database.session() as s:
        [payout] = s.tx.execute("SELECT * FROM payout").fetchall()
        [event] = s.tx.execute(
            "SELECT * FROM event JOIN delivery ON event.id = event_id"
        ).fetchall()
    database.close()
    assert (payout["paid_ms"], payout["webhook_url"]) == (5, None)
    assert (event["payment_id"], event["payout_id"], event["tries"]) == ("pay_1", None, 1)
