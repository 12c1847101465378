"""Keep the keys that sign tokens: publish the next one, let it sign, let the old one go.

Nothing tells the workers. A key is published long before it signs, each worker looks every few
seconds, and all go by the clock; so all know a key by the time its first token comes.
"""

import base64
from datetime import datetime

import msgspec
import structlog
from joserfc.jwk import Key, KeySet, OKPKey

from guildbank.identity.contracts.events import SIGNING_KEY_ROTATED
from guildbank.identity.contracts.sign_in import (
    ROTATION_UNDER_WAY,
    SigningKeyRow,
    SigningKeyState,
)
from guildbank.identity.rules import PUBLISHED_AHEAD, SIGNS_FOR, key_states
from guildbank.identity.store import keys as store
from guildbank.infra.acting import HOST
from guildbank.infra.cache import Recent
from guildbank.infra.crypto import SigningKey, Vault
from guildbank.infra.database import CONTROL_SCHEMA, Database, Tx
from guildbank.journal import Recorder
from guildbank.kernel import Clock, Refusal, new_id

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 5.0
"""So long a worker may go on with keys that were dropped in an emergency."""
STRANGE_KEY_SECONDS = 1.0


def _aad(kid: str) -> bytes:
    return b"identity_signing_key:" + kid.encode()


class Signers(msgspec.Struct, frozen=True):
    """The deployment's signing keys as they were read; their states follow from the time."""

    rows: tuple[SigningKeyRow, ...]
    keys: dict[str, OKPKey]

    def states(self, now: datetime) -> list[SigningKeyState]:
        """Return the state of each key."""
        return key_states(self.rows, now)

    def signer(self, now: datetime) -> tuple[str, OKPKey]:
        """Return the key that signs, with its id."""
        (id_,) = (one.id for one in self.states(now) if one.state == "signs")
        return id_, self.keys[id_]

    def public(self, now: datetime) -> KeySet:
        """Return the keys that are listed: all but those whose tokens have ended."""
        listed: list[Key] = [self.keys[id_] for id_ in self.listed(now)]
        return KeySet(listed)

    def listed(self, now: datetime) -> list[str]:
        """Return the ids of the keys that are listed."""
        return [one.id for one in self.states(now) if one.state != "gone"]


class SigningKeys:
    """The signing keys as this process may use them; the first one is made on first use."""

    def __init__(self, db: Database, vault: Vault, clock: Clock) -> None:
        self._db = db
        self._vault = vault
        self._clock = clock
        self._recent = Recent(self._load, seconds=REFRESH_SECONDS, capacity=1)
        self._newer = Recent(self._load, seconds=STRANGE_KEY_SECONDS, capacity=1)

    async def current(self) -> Signers:
        """Return the keys, a few seconds old at most."""
        return await self._recent.get("")

    async def knowing(self, kid: str) -> Signers | None:
        """Return the keys if this one is listed, else None.

        Another process may have dropped all in an emergency and made a new one, so a strange id
        makes us look again, at most once a second.
        """
        now = self._clock.now()
        signers = await self.current()
        if kid not in signers.keys:
            signers = await self._newer.get("")
            if kid in signers.keys:
                self._recent.forget("")
        return signers if kid in signers.listed(now) else None

    async def list_all(self) -> list[SigningKeyState]:
        """Return the state of every key; of a deployment that signed nothing yet there is none."""
        async with self._db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            return key_states(await store.signing_keys(tx), self._clock.now())

    async def rotate(
        self, recorder: Recorder, *, at_once: bool = False
    ) -> SigningKeyState | Refusal:
        """Publish a new key, which signs in 15 minutes, and return it.

        `at_once` is for when a key is stolen: all others are dropped with whatever they signed, and
        the new one signs now. Workers follow within 5 seconds. `recorder` is the deployment's.
        Refusal: `rotation_under_way`.
        """
        now = self._clock.now()
        async with self._db.begin(CONTROL_SCHEMA) as tx:
            await store.lock_signing_keys(tx)
            rows = list(await store.signing_keys(tx))
            dropped = [row.id for row in rows] if at_once else []
            if at_once:
                await store.drop_signing_keys(tx, dropped)
                rows = []
            elif any(one.state == "published" for one in key_states(rows, now)):
                return ROTATION_UNDER_WAY
            fresh = await self._add(tx, now + PUBLISHED_AHEAD if rows else now)
            rows.append(fresh)
            after = {"signsAt": fresh.signs_at, "dropped": dropped}
            told = {"signingKeyId": fresh.id}
            await recorder.record(tx, HOST, SIGNING_KEY_ROTATED, told, after=after)
        self._recent.clear()
        self._newer.clear()
        return key_states(rows, now)[-1]

    async def keep(self) -> None:
        """Rotate when the key that signs is 90 days old, and forget the keys that are gone."""
        now = self._clock.now()
        async with self._db.begin(CONTROL_SCHEMA) as tx:
            await store.lock_signing_keys(tx)
            rows = list(await store.signing_keys(tx))
            gone = [one.id for one in key_states(rows, now) if one.state == "gone"]
            if gone:
                await store.drop_signing_keys(tx, gone)
                log.info("signing_keys_gone", keys=gone)
            if rows and rows[-1].signs_at + SIGNS_FOR <= now:
                fresh = await self._add(tx, now + PUBLISHED_AHEAD)
                log.info("signing_key_published", key=fresh.id, signs_at=str(fresh.signs_at))

    async def _load(self, _: str) -> Signers:
        async with self._db.begin(CONTROL_SCHEMA) as tx:
            rows = list(await store.signing_keys(tx))
            if not rows:
                await store.lock_signing_keys(tx)
                rows = list(await store.signing_keys(tx))
            if not rows:
                rows = [await self._add(tx, self._clock.now())]
        return Signers(tuple(rows), {row.id: self._open(row) for row in rows})

    async def _add(self, tx: Tx, signs_at: datetime) -> SigningKeyRow:
        key, kid = SigningKey.generate(), new_id("sig")
        seed = self._vault.seal(_aad(kid), key.seed)
        row = SigningKeyRow(kid, key.public_key, seed, signs_at)
        await store.insert_signing_key(tx, row)
        return row

    def _open(self, row: SigningKeyRow) -> OKPKey:
        seed = self._vault.open(_aad(row.id), row.sealed_seed)
        fields: dict[str, str | list[str]] = {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": row.id,
            "x": row.public_key.replace("+", "-").replace("/", "_").rstrip("="),
            "d": base64.urlsafe_b64encode(seed).rstrip(b"=").decode(),
        }
        return OKPKey.import_key(fields)
