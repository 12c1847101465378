"""Keeps what the lab knows in a file, so that the next one goes on from there.

The file holds private keys that are worth nothing outside the lab, and is its owner's alone. It is
read by the very program that wrote it and by no other: another version sets it aside and begins
anew.
"""

import asyncio
import io
import logging
import os
import pickle
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from joserfc.jwk import RSAKey

from guildbank_lab.authority import name_of
from guildbank_lab.bench import Bench
from guildbank_lab.companies import Companies

LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 0.5
_OF_BENCH = ("born", "clock", "names", "switches", "authority", "stranger")
_STAYS = ("bench", "config", "courier")
_ROOMS = frozenset(
    {"builtins", "collections", "copyreg", "cryptography", "datetime", "decimal", "joserfc"}
    | {"guildbank_lab", "msgspec", "random", "uuid"}
)
"""Whose names a file may use: it is ours, and what it has no need for it cannot ask for either."""
_PLAIN = frozenset({"bytearray", "dict", "frozenset", "list", "object", "set", "tuple"})


class Keeper:
    """Writes everything down a moment after something changed, and at the end."""

    def __init__(self, file: Path, bench: Bench, companies: Companies) -> None:
        self._file = file
        self._bench = bench
        self._companies = companies
        self._changed = False

    def note(self) -> None:
        """Hear that something may have changed."""
        self._changed = True

    async def run(self) -> None:
        """Write for as long as the lab runs. What the last half second did is lost by a crash."""
        while True:
            await asyncio.sleep(_PAUSE_SECONDS)
            if self._changed:
                self._changed = False
                self.write()

    def write(self) -> None:
        """Write the file whole or not at all."""
        kept = io.BytesIO()
        parts = {name: getattr(self._bench, name) for name in _OF_BENCH}
        _Writer(kept, self._bench).dump((parts, self._companies))
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self._file.with_suffix(".new")
        with open(beside, "wb", opener=_for_owner_alone) as file:
            file.write(_version() + kept.getvalue())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._file)


def recall(file: Path, bench: Bench) -> Companies | None:
    """Return the companies of a file, and put what stood on the bench back onto it.

    None where there is no file, or none that this version can read: then it is set aside.
    """
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return None
    length = len(_version())
    if text[:length] != _version():
        aside = file.with_suffix(".old")
        file.replace(aside)
        LOG.warning("what another version of the lab kept is set aside: %s", aside)
        return None
    parts, companies = _Reader(io.BytesIO(text[length:]), bench).load()
    for name, part in parts.items():
        setattr(bench, name, part)
    if not isinstance(companies, Companies):
        raise TypeError("the lab's file holds no companies")
    return companies


class _Writer(pickle.Pickler):
    """Writes records as they are, keys and certificates as PEM, and what runs by its name alone."""

    def __init__(self, to: io.BytesIO, bench: Bench) -> None:
        super().__init__(to, protocol=5)
        self._stays = {id(part): name for name, part in _running(bench).items()}

    def persistent_id(self, obj: Any) -> str | None:
        return self._stays.get(id(obj))

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, RSAKey):
            return web_key_of, (obj.as_pem(private=True),)
        if isinstance(obj, RSAPrivateKey | EllipticCurvePrivateKey):
            pem = obj.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            return key_of, (pem,)
        if isinstance(obj, x509.Certificate):
            return certificate_of, (obj.public_bytes(Encoding.PEM),)
        if isinstance(obj, x509.Name):
            (common,) = obj.get_attributes_for_oid(NameOID.COMMON_NAME)
            return name_of, (common.value,)
        return NotImplemented


class _Reader(pickle.Unpickler):
    """Reads what a writer wrote, for the bench that runs now."""

    def __init__(self, of: io.BytesIO, bench: Bench) -> None:
        super().__init__(of)
        self._running = _running(bench)

    def persistent_load(self, pid: Any) -> Any:
        return self._running[pid]

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] not in _ROOMS or (module == "builtins" and name not in _PLAIN):
            raise pickle.UnpicklingError(f"the lab's file asks for {module}.{name}")
        return super().find_class(module, name)


def key_of(pem: bytes) -> Any:
    """Return a private key."""
    return load_pem_private_key(pem, None)


def web_key_of(pem: bytes) -> RSAKey:
    """Return a private key as tokens are signed by."""
    return RSAKey.import_key(pem)


def certificate_of(pem: bytes) -> x509.Certificate:
    """Return a certificate."""
    return x509.load_pem_x509_certificate(pem)


def _running(bench: Bench) -> dict[str, Any]:
    return dict(zip(_STAYS, (bench, bench.config, bench.courier), strict=True))


@cache
def _version() -> bytes:
    """Return what names this program: records of another may have other fields."""
    digest = sha256()
    folder = Path(__file__).parent
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.digest()


def _for_owner_alone(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_TRUNC, 0o600)
