"""Delivers webhooks at least once, and wakes payments and payouts whose time has come.

Whatever is due stands in the database, so a restart loses nothing.
"""

import asyncio
import hashlib
import hmac
import logging
import random
import sqlite3
import time
from contextlib import suppress
from functools import partial

import httpx
import msgspec

from guildbank_sandbox.server import accounts, payments, payouts
from guildbank_sandbox.server.database import Database, Session, fetch_all
from guildbank_sandbox.server.records import Account

LOG = logging.getLogger(__name__)

MAX_TRIES = 12
MAX_PAUSE_SECONDS = 300.0
MAX_IN_FLIGHT = 32
SEND_TIMEOUT_SECONDS = 10.0
IDLE_SECONDS = 5.0


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook to send now."""

    number: int
    tries: int
    subject_id: str
    account_id: str
    webhook_url: str
    body: bytes


_DUE = """
SELECT d.number, d.tries, coalesce(e.payment_id, e.payout_id) AS subject_id,
       coalesce(p.account_id, o.account_id) AS account_id,
       coalesce(p.webhook_url, o.webhook_url) AS webhook_url, e.body
FROM delivery d
JOIN event e ON e.id = d.event_id
LEFT JOIN payment p ON p.id = e.payment_id
LEFT JOIN payout o ON o.id = e.payout_id
WHERE d.state = 'waiting' AND d.due_ms <= ?
ORDER BY d.due_ms, d.number
LIMIT 500
"""


def sign(secrets: tuple[str, ...], timestamp: int, body: bytes) -> str:
    """Return the header `Sandbox-Signature`: `t=...,v1=...`, one `v1` for each secret.

    Each `v1` is the hexadecimal HMAC-SHA256 of `{t}.{raw body}`, the scheme that Stripe uses.
    """
    signed = f"{timestamp}.".encode() + body
    marks = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={mark}" for mark in marks)])


def pause_seconds(tries: int, base_seconds: float, jitter: float) -> float:
    """Return how long to wait after the given number of failed tries; `jitter` is 0 to 1."""
    return min(base_seconds * 2.0 ** (tries - 1), MAX_PAUSE_SECONDS) * (1 + jitter / 4)


class Courier:
    """The background task of the server."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._woken = asyncio.Event()
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._client = httpx.AsyncClient(
            timeout=SEND_TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=MAX_IN_FLIGHT),
        )
        database.after_commit = self._woken.set

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            while True:
                self._woken.clear()
                try:
                    pause = self._start_due()
                except sqlite3.Error:
                    # A full disk must not end deliveries for ever.
                    LOG.exception("the sandbox's file cannot be read or written")
                    pause = IDLE_SECONDS
                # Not wait_for: in Python 3.11 it swallows a cancellation that meets a wake-up.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
        finally:
            # A webhook that is cut off here is sent again after the restart.
            sending = list(self._sending.values())
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            await self._client.aclose()

    def _start_due(self) -> float:
        """Start sending what is due; return the seconds until something else may be."""
        with self._database.session() as s:
            payments.settle_due(s)
            payouts.settle_due(s)
            due = fetch_all(s.tx, Due, _DUE, (s.now_ms,))
            pause = _seconds_to_next(s.tx, s.now_ms)
        # This transaction may have woken us itself; what it wrote was read in it.
        self._woken.clear()
        # One task a payment or payout keeps its events in order when all goes well.
        grouped: dict[str, list[Due]] = {}
        for webhook in due:
            if webhook.subject_id not in self._sending:
                grouped.setdefault(webhook.subject_id, []).append(webhook)
        for subject_id, webhooks in grouped.items():
            if len(self._sending) >= MAX_IN_FLIGHT:
                break
            task = asyncio.create_task(self._send_all(webhooks))
            self._sending[subject_id] = task
            task.add_done_callback(partial(self._finished, subject_id))
        return pause

    def _finished(self, subject_id: str, task: asyncio.Task[None]) -> None:
        del self._sending[subject_id]
        if not task.cancelled() and task.exception() is not None:
            LOG.error("a delivery broke off", exc_info=task.exception())
        self._woken.set()

    async def _send_all(self, webhooks: list[Due]) -> None:
        for webhook in webhooks:
            result = await self._send(webhook)
            with self._database.session() as s:
                _note(s, webhook, result)

    async def _send(self, webhook: Due) -> str:
        """Send one webhook; return `2xx`-like status text or the name of the error."""
        with self._database.session() as s:
            account: Account = accounts.by_id(s.tx, webhook.account_id)
            allowed = payments.may_deliver(webhook.webhook_url, s)
            secrets = account.signing_secrets(s.now_ms)
        if not allowed:
            return "address not allowed"
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "guildbank-sandbox/1",
            "Sandbox-Signature": sign(secrets, int(time.time()), webhook.body),
        }
        try:
            async with (
                asyncio.timeout(SEND_TIMEOUT_SECONDS),
                self._client.stream(
                    "POST", webhook.webhook_url, content=webhook.body, headers=headers
                ) as response,
            ):
                return str(response.status_code)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            return type(error).__name__


def _note(s: Session, webhook: Due, result: str) -> None:
    tries = webhook.tries + 1
    state, due_ms = "waiting", s.now_ms
    if result.startswith("2"):
        state = "delivered"
    elif tries >= MAX_TRIES:
        state = "failed"
    else:
        jitter = random.random()  # noqa: S311 - spreads retries, protects nothing
        due_ms += int(1000 * pause_seconds(tries, s.config.retry_base_seconds, jitter))
    s.tx.execute(
        "UPDATE delivery SET state = ?, tries = ?, due_ms = ?, last_result = ? WHERE number = ?",
        (state, tries, due_ms, result, webhook.number),
    )


def _seconds_to_next(tx: sqlite3.Connection, now_ms: int) -> float:
    row = tx.execute(
        "SELECT min(due_ms) FROM ("
        " SELECT min(due_ms) AS due_ms FROM delivery WHERE state = 'waiting' AND due_ms > ?1"
        " UNION ALL SELECT min(due_ms) FROM payment WHERE due_ms IS NOT NULL"
        " UNION ALL SELECT min(due_ms) FROM payout WHERE due_ms IS NOT NULL)",
        (now_ms,),
    ).fetchone()
    if row[0] is None:
        return IDLE_SECONDS
    return float(min(max((row[0] - now_ms) / 1000, 0.01), IDLE_SECONDS))
