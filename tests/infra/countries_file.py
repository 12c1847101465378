"""A file MMDB of a few networks, as a publisher of countries of addresses writes it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

NETWORKS = {
    "203.0.113.0/24": "DE",
    "198.51.100.0/24": "AT",
    "2001:db8:5::/48": "FR",
}


def write_countries(
    path: Path, networks: Mapping[str, str] = NETWORKS, built: datetime | None = None
) -> Path:
    """Write the networks with their countries, built now or then."""
    writer = MMDBWriter(6, "Test-Country", ipv4_compatible=True, languages=["en"])
    for network, code in networks.items():
        record = {"country": {"iso_code": code, "names": {"en": code}}}
        writer.insert_network(IPSet([network]), record)
    # A network of which only is known who has it.
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"registered_country": {"iso_code": "US"}})
    writer.to_db_file(str(path))
    if built is not None:
        _date(path, built)
    return path


def _date(path: Path, built: datetime) -> None:
    """Write when it was built into the metadata, which the writer takes from the clock."""
    raw, key = path.read_bytes(), b"build_epoch"
    at = raw.rindex(key) + len(key)
    # A number of type uint64: a control byte with its size, the type's number, and the bytes.
    size = raw[at] & 0x1F
    seconds = int(built.astimezone(UTC).timestamp())
    path.write_bytes(raw[: at + 2] + seconds.to_bytes(size) + raw[at + 2 + size :])
