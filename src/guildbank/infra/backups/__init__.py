"""Backups of a whole deployment: a folder of sealed parts, and a list of them in the open.

A part is what the age tool opens too (https://age-encryption.org/v1), so that a recovery needs no
Guildbank. Only the public half of the recovery key is kept where the server runs.
"""

from guildbank.infra.backups.contracts import BackupError, Manifest, Part
from guildbank.infra.backups.dump import Dumping, dump_database, load_database
from guildbank.infra.backups.files import pack_files, unpack_files
from guildbank.infra.backups.folder import Draft, check_parts, open_part, read_manifest
from guildbank.infra.backups.sealing import (
    Opener,
    Recipient,
    new_recovery_key,
    read_recipient,
    read_recovery_key,
)

__all__ = [
    "BackupError",
    "Draft",
    "Dumping",
    "Manifest",
    "Opener",
    "Part",
    "Recipient",
    "check_parts",
    "dump_database",
    "load_database",
    "new_recovery_key",
    "open_part",
    "pack_files",
    "read_manifest",
    "read_recipient",
    "read_recovery_key",
    "unpack_files",
]
