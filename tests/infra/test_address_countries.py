"""The country of an address comes from a file that can be replaced, broken, or not there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.infra.countries_file import write_countries

from guildbank.infra import address_countries
from guildbank.infra.address_countries import (
    AddressCountries,
    BadCountries,
    built_at,
    open_countries,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_countries(tmp_path / "countries.mmdb")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the file each time."""
    monkeypatch.setattr(address_countries, "LOOK_SECONDS", 0.0)


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("203.0.113.7", "DE"),
        ("198.51.100.255", "AT"),
        ("2001:db8:5::1", "FR"),
        ("2001:db8:6::1", None),
        ("127.0.0.1", None),
        ("192.0.2.1", None),
        ("no address", None),
        (None, None),
    ],
)
def test_an_address_is_in_the_country_that_the_file_says(
    path: Path, address: str | None, country: str | None
) -> None:
    assert AddressCountries(path).country_of(address) == country


def test_without_a_file_no_country_is_known(tmp_path: Path) -> None:
    assert AddressCountries().country_of("203.0.113.7") is None
    assert AddressCountries(tmp_path / "missing").country_of("203.0.113.7") is None


@pytest.mark.usefixtures("at_once")
def test_a_file_that_is_replaced_is_taken_and_a_broken_one_is_not(path: Path) -> None:
    countries = AddressCountries(path)
    assert countries.country_of("203.0.113.7") == "DE"
    write_countries(path, {"203.0.113.0/24": "CH", "198.51.100.0/24": "AT"})
    assert countries.country_of("203.0.113.7") == "CH"
    path.write_bytes(path.read_bytes()[:200])
    assert countries.country_of("203.0.113.7") == "CH"
    path.unlink()
    assert countries.country_of("203.0.113.7") == "CH"
    write_countries(path)
    assert countries.country_of("203.0.113.7") == "DE"


@pytest.mark.usefixtures("at_once")
def test_a_file_that_comes_later_is_found(tmp_path: Path) -> None:
    countries = AddressCountries(tmp_path / "countries.mmdb")
    assert countries.country_of("203.0.113.7") is None
    write_countries(tmp_path / "countries.mmdb")
    assert countries.country_of("203.0.113.7") == "DE"


def test_a_file_says_when_it_was_built(tmp_path: Path) -> None:
    built = datetime(2025, 3, 1, tzinfo=UTC)
    path = write_countries(tmp_path / "countries.mmdb", built=built)
    with open_countries(path) as reader:
        assert built_at(reader) == built


@pytest.mark.parametrize("content", [b"", b"no file of this kind", b"\x00" * 5_000])
def test_what_is_no_such_file_is_said_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "countries.mmdb"
    path.write_bytes(content)
    with pytest.raises(BadCountries, match=r"countries\.mmdb is no MMDB file"):
        open_countries(path)


def test_a_file_that_is_too_large_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_countries, "MAX_FILE_BYTES", 100)
    with pytest.raises(BadCountries, match="100 are the most"):
        open_countries(path)
