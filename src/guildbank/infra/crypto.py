"""Secrets at rest: envelopes under keys that a master key wraps, signatures, salted hashes."""

import base64
import binascii
import hmac
import os
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_DATA_KEY_AAD = b"guildbank data key"


class KeyUnusable(Exception):
    """A key is missing, malformed or readable by others; the message says what to do."""


class SealBroken(Exception):
    """The sealed bytes were changed, belong elsewhere, or were sealed under another key."""


class MasterKey:
    """The key that wraps all others: 256 bits, kept outside the database."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise KeyUnusable(f"a master key has {KEY_BYTES} bytes, this one has {len(raw)}")
        self._raw = raw

    def __repr__(self) -> str:
        return "MasterKey(...)"

    def bytes(self) -> bytes:
        """Return the raw key."""
        return self._raw

    @classmethod
    def from_text(cls, text: str) -> "MasterKey":
        """Read 32 bytes in base64."""
        try:
            raw = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            raise KeyUnusable("a master key is 32 bytes in base64") from None
        return cls(raw)

    @classmethod
    def load_or_create(cls, path: Path) -> "MasterKey":
        """Read the key file, or make one (mode 0600) when there is none.

        Of two processes that start at once one makes the file and the other reads it.
        """
        if not path.exists():
            _create_key_file(path)
        try:
            with path.open(encoding="ascii") as file:
                mode = os.fstat(file.fileno()).st_mode & 0o777
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise KeyUnusable(f"cannot read the master key at {path}: {error}") from None
        if mode & 0o077:
            raise KeyUnusable(f"{path} is open to other users (mode {mode:o}); run chmod 600")
        try:
            return cls.from_text(text)
        except KeyUnusable as error:
            raise KeyUnusable(f"{path} is damaged: {error}; restore it from a backup") from None


def _create_key_file(path: Path) -> None:
    # The text goes to a private file first and gets its name by a link, which fails if the
    # name exists: a crash or a second process never leaves half a key under the name.
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyUnusable(f"cannot make the master key at {path}: {error}") from None


def seal_under(key: bytes, aad: bytes, plain: bytes) -> bytes:
    """Return version, nonce, ciphertext and tag: AES-256-GCM, NIST SP 800-38D.

    `aad` names the place the envelope belongs to (table, column, row), so that it opens nowhere
    else. Nonces are random: one key must seal fewer than 2^32 envelopes.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plain, _VERSION + aad)


def open_under(key: bytes, aad: bytes, sealed: bytes) -> bytes:
    """Return the plain bytes of `seal_under`; raises SealBroken."""
    if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES:
        raise SealBroken("the envelope is too short")
    if sealed[:1] != _VERSION:
        raise SealBroken(f"the envelope has unknown version {sealed[0]}")
    nonce, box = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    try:
        return AESGCM(key).decrypt(nonce, box, _VERSION + aad)
    except InvalidTag:
        raise SealBroken("the envelope does not open with this key at this place") from None


class DataKey:
    """The key of one tenant or person; destroying its wrapped form destroys what it sealed."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        if len(raw) != KEY_BYTES:
            raise KeyUnusable(f"a data key has {KEY_BYTES} bytes, this one has {len(raw)}")
        self._raw = raw

    def __repr__(self) -> str:
        return "DataKey(...)"

    def seal(self, aad: bytes, plain: bytes) -> bytes:
        """Seal `plain` for the place `aad`."""
        return seal_under(self._raw, aad, plain)

    def open(self, aad: bytes, sealed: bytes) -> bytes:
        """Return what was sealed; raises SealBroken."""
        return open_under(self._raw, aad, sealed)

    def hash(self, purpose: bytes, value: bytes) -> bytes:
        """Return 32 bytes that prove `value` to whoever holds the key and tell others nothing."""
        return salted_hash(self._raw, purpose, value)


class Vault:
    """Seals under the master key, and makes and unwraps data keys."""

    def __init__(self, master: MasterKey) -> None:
        self._raw = master.bytes()

    def __repr__(self) -> str:
        return "Vault(...)"

    def seal(self, aad: bytes, plain: bytes) -> bytes:
        """Seal `plain` for the place `aad` under the master key."""
        return seal_under(self._raw, aad, plain)

    def open(self, aad: bytes, sealed: bytes) -> bytes:
        """Return what was sealed under the master key; raises SealBroken."""
        return open_under(self._raw, aad, sealed)

    def new_data_key(self, owner: bytes = b"") -> bytes:
        """Return a fresh wrapped data key for `owner` (a tenant's or person's id)."""
        return seal_under(self._raw, _DATA_KEY_AAD + b":" + owner, os.urandom(KEY_BYTES))

    def data_key(self, wrapped: bytes, owner: bytes = b"") -> DataKey:
        """Unwrap a data key; raises SealBroken."""
        return DataKey(open_under(self._raw, _DATA_KEY_AAD + b":" + owner, wrapped))

    def rewrap(self, wrapped: bytes, successor: "Vault", owner: bytes = b"") -> bytes:
        """Return the same data key wrapped by another master key, for rotation."""
        aad = _DATA_KEY_AAD + b":" + owner
        return seal_under(successor._raw, aad, open_under(self._raw, aad, wrapped))

    def hash(self, purpose: bytes, value: bytes) -> bytes:
        """Return a keyed hash under the master key, for what several tenants share."""
        return salted_hash(self._raw, purpose, value)


def salted_hash(key: bytes, purpose: bytes, value: bytes) -> bytes:
    """Return HMAC-SHA256 (RFC 2104) of `value` under a key derived for `purpose` from `key`."""
    subkey = hmac.digest(key, b"guildbank hash:" + purpose, sha256)
    return hmac.digest(subkey, value, sha256)


class SigningKey:
    """An Ed25519 key (RFC 8032) that signs checkpoints and tokens."""

    __slots__ = ("_key",)

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_BYTES:
            raise KeyUnusable(f"an Ed25519 seed has {KEY_BYTES} bytes, this one has {len(seed)}")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    def __repr__(self) -> str:
        return f"SigningKey(public={self.public_key})"

    @classmethod
    def generate(cls) -> "SigningKey":
        """Return a fresh key."""
        return cls(os.urandom(KEY_BYTES))

    @property
    def seed(self) -> bytes:
        """The 32 secret bytes, to be sealed in a vault."""
        return self._key.private_bytes_raw()

    @property
    def public_key(self) -> str:
        """The 32 public bytes in base64, to be published."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self._key.sign(message)


def verify_signature(public_key: str, message: bytes, signature: bytes) -> bool:
    """Say whether `signature` is of `message` by the key; false for a malformed key too."""
    try:
        raw = base64.b64decode(public_key, validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
