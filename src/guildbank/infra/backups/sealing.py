"""Seals to a recovery key and opens with it: X25519 recipients of age, version 1."""

import io
from typing import cast

import pyrage
from pyrage import x25519

from guildbank.infra.backups.contracts import BackupError, Sink, Source


class Recipient:
    """The public half of a recovery key (`age1...`): what is sealed to it, it cannot open."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._key = x25519.Recipient.from_str(text)

    def seal(self, source: Source, sink: Sink) -> None:
        """Seal everything that the source gives."""
        # What the library asks for is these two methods, whatever it calls their type.
        given, taking = cast("io.BufferedIOBase", source), cast("io.BufferedIOBase", sink)
        try:
            pyrage.encrypt_io(given, taking, [self._key])
        except pyrage.EncryptError as error:
            raise BackupError(f"The backup could not be written: {error}.") from error


class Opener:
    """The secret half of a recovery key (`AGE-SECRET-KEY-1...`)."""

    def __init__(self, text: str) -> None:
        self._key = x25519.Identity.from_str(text)
        self.recipient = str(self._key.to_public())

    def __repr__(self) -> str:
        return f"Opener({self.recipient})"

    def open(self, source: Source, sink: Sink, name: str) -> None:
        """Open a sealed part; raises BackupError if it is not whole or sealed to another key."""
        given, taking = cast("io.BufferedIOBase", source), cast("io.BufferedIOBase", sink)
        try:
            pyrage.decrypt_io(given, taking, [self._key])
        except pyrage.DecryptError as error:
            raise BackupError(f"{name} does not open with this recovery key: {error}.") from error
        except OSError as error:
            raise BackupError(f"{name} cannot be opened to its end: {error}.") from error


def new_recovery_key() -> tuple[str, Recipient]:
    """Return a fresh recovery key, which must be kept elsewhere, and its public half."""
    key = x25519.Identity.generate()
    return str(key), Recipient(str(key.to_public()))


def read_recipient(text: str) -> Recipient:
    """Return the public half that the text is; raises BackupError."""
    try:
        return Recipient(text.strip())
    except pyrage.RecipientError:
        raise BackupError(
            "A recipient is the public half of a recovery key, `age1` and 58 letters and digits."
        ) from None


def read_recovery_key(text: str) -> Opener:
    """Return the recovery key that the text holds, as age-keygen writes it; raises BackupError."""
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    try:
        (key,) = keys
        return Opener(key)
    except (ValueError, pyrage.IdentityError):
        raise BackupError(
            "A recovery key is one line, `AGE-SECRET-KEY-1` and 58 letters and digits, as it was "
            "shown when it was made."
        ) from None
