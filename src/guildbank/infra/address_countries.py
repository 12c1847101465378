"""Which country a network address is in, by an offline file of the deployment: nobody is asked.

The file has the form MMDB (maxmind.github.io/MaxMind-DB), in which GeoLite2 Country, DB-IP's
country lite and others are published; their records name the country by `country.iso_code`.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import maxminddb
import structlog
from maxminddb import InvalidDatabaseError, Reader

log = structlog.get_logger(__name__)
MAX_FILE_BYTES = 64 * 1024 * 1024
"""Files of countries have some 10 MB. Each process reads the whole of it."""
LOOK_SECONDS = 10.0
"""How often it is looked whether the file is another one."""


class BadCountries(Exception):
    """The file cannot be used; the message says why, and names it."""


def open_countries(path: Path) -> Reader:
    """Return the file, read whole: who writes another over it must not end us. Raises BadCountries.

    Its `metadata()` says when it was built.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise BadCountries(f"{path} has {size} bytes, and {MAX_FILE_BYTES} are the most")
        return maxminddb.open_database(path, maxminddb.MODE_MEMORY)
    except OSError as error:
        raise BadCountries(f"{path} cannot be read: {error.strerror or error}") from None
    except (InvalidDatabaseError, ValueError) as error:
        raise BadCountries(f"{path} is no MMDB file: {error}") from None


def built_at(reader: Reader) -> datetime:
    """Return when the ranges were gathered, as their publisher says."""
    return datetime.fromtimestamp(reader.metadata().build_epoch, UTC)


class AddressCountries:
    """The file as this process has read it; without a path no country is known.

    A file that is replaced is read anew. One that cannot be used any more leaves what was read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._reader: Reader | None = None
        self._mark: tuple[int, int, int] | None = None
        self._look_at = 0.0

    def country_of(self, address: str | None) -> str | None:
        """Return the ISO 3166-1 code, None where nobody knows. Raises nothing."""
        if address is None or self._path is None:
            return None
        self._follow(self._path)
        if self._reader is None:
            return None
        try:
            return _code_in(self._reader.get(address))
        except Exception:  # half a record, IPv6 in a file of IPv4: all mean that nobody knows
            return None

    def _follow(self, path: Path) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            stat = path.stat()
            mark = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        except OSError:
            mark = (0, 0, 0)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._reader = open_countries(path)
        except BadCountries as error:
            log.error("address_countries_unusable", problem=str(error))


def _code_in(record: object) -> str | None:
    """Return where the address is, without guesses by where its owner is registered."""
    country = record.get("country") if isinstance(record, Mapping) else None
    code = country.get("iso_code") if isinstance(country, Mapping) else None
    return code if isinstance(code, str) and len(code) == 2 else None
