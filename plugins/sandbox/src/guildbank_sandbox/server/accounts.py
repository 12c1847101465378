"""Merchants: opened by whoever brings a new API key, known afterwards by that key."""

import hashlib
import sqlite3
from typing import Annotated

import msgspec

from guildbank.kernel import Refusal, new_id
from guildbank_sandbox.server.database import Session, fetch_all, fetch_one
from guildbank_sandbox.server.records import Account, RefundSwitch

ROTATION_MS = 86_400_000
"""How long webhooks are signed with the old secret too, after a new one was set."""

MAX_ACCOUNTS = 10_000

_COLUMNS = "id, name, webhook_secret, previous_secret, previous_until_ms, refund_switch"


class OpenAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of POST /v1/accounts."""

    api_key: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{8,200}$")]
    webhook_secret: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]{8,200}$")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] = "Sandbox merchant"


def open_account(s: Session, body: OpenAccount) -> Account | Refusal:
    """Open the account of an API key, or give the one it has a new name or webhook secret.

    Whoever knows the key owns the account, so the same call again is safe. Refuses
    `too_many_accounts`.
    """
    known = by_key(s.tx, body.api_key)
    if known is None:
        count = s.tx.execute("SELECT count(*) FROM account").fetchone()[0]
        if count >= MAX_ACCOUNTS:
            return Refusal(code="too_many_accounts", detail="This sandbox has no room for more.")
        s.tx.execute(
            "INSERT INTO account (id, key_hash, name, webhook_secret, previous_until_ms,"
            " refund_switch) VALUES (?, ?, ?, ?, 0, ?)",
            (
                new_id("sacct"),
                _hash(body.api_key),
                body.name,
                body.webhook_secret,
                RefundSwitch.SUCCEED,
            ),
        )
    else:
        s.tx.execute("UPDATE account SET name = ? WHERE id = ?", (body.name, known.id))
        if known.webhook_secret != body.webhook_secret:
            s.tx.execute(
                "UPDATE account SET webhook_secret = ?, previous_secret = ?, previous_until_ms = ?"
                " WHERE id = ?",
                (body.webhook_secret, known.webhook_secret, s.now_ms + ROTATION_MS, known.id),
            )
    account = by_key(s.tx, body.api_key)
    assert account is not None
    return account


def set_refund_switch(s: Session, account_id: str, switch: RefundSwitch) -> None:
    """Decide what the account's next refunds will do."""
    s.tx.execute("UPDATE account SET refund_switch = ? WHERE id = ?", (switch, account_id))


def by_key(tx: sqlite3.Connection, api_key: str) -> Account | None:
    """Return the account of an API key."""
    sql = f"SELECT {_COLUMNS} FROM account WHERE key_hash = ?"  # noqa: S608
    return fetch_one(tx, Account, sql, (_hash(api_key),))


def by_id(tx: sqlite3.Connection, account_id: str) -> Account:
    """Return an account that a payment names, so it exists."""
    account = fetch_one(tx, Account, f"SELECT {_COLUMNS} FROM account WHERE id = ?", (account_id,))  # noqa: S608
    assert account is not None
    return account


def all_accounts(tx: sqlite3.Connection) -> list[Account]:
    """Return the newest accounts, for the dashboard."""
    return fetch_all(tx, Account, f"SELECT {_COLUMNS} FROM account ORDER BY id DESC LIMIT 50", ())  # noqa: S608


def _hash(api_key: str) -> str:
    # A key is at least random enough not to be guessed, so a plain hash keeps it out of the file.
    return hashlib.sha256(api_key.encode()).hexdigest()
