"""The same key with the same request gets the same answer; with another request it is refused."""

import hashlib
from typing import NamedTuple

import msgspec

from guildbank.kernel import Refusal
from guildbank_sandbox.server.database import Session
from guildbank_sandbox.server.views import View

KEPT_MS = 30 * 86_400_000


class Stored(NamedTuple):
    """An answer as it was first given."""

    status: int
    body: bytes


def recall(
    s: Session, account_id: str, key: str, path: str, request: msgspec.Struct
) -> Stored | Refusal | None:
    """Return the answer kept under this key, None for a new key.

    Refuses `idempotency_key_reused` when the key came with another request before.
    """
    row = s.tx.execute(
        "SELECT fingerprint, status, body FROM answer WHERE account_id = ? AND key = ?",
        (account_id, key),
    ).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != _fingerprint(path, request):
        return Refusal(
            code="idempotency_key_reused",
            detail="This Idempotency-Key came with another request before.",
        )
    return Stored(row["status"], row["body"])


def keep(
    s: Session, account_id: str, key: str, path: str, request: msgspec.Struct, answer: View
) -> Stored:
    """Keep an answer under its key, in the transaction that did the work."""
    stored = Stored(201, msgspec.json.encode(answer))
    s.tx.execute(
        "INSERT INTO answer (account_id, key, fingerprint, status, body, created_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (account_id, key, _fingerprint(path, request), stored.status, stored.body, s.now_ms),
    )
    return stored


def forget_old(s: Session) -> None:
    """Drop answers that no client asks for any more."""
    s.tx.execute("DELETE FROM answer WHERE created_ms < ?", (s.now_ms - KEPT_MS,))


def _fingerprint(path: str, request: msgspec.Struct) -> bytes:
    # Fields are encoded in the order of their declaration, so equal requests are equal bytes.
    return hashlib.sha256(path.encode() + b"\n" + msgspec.json.encode(request)).digest()
