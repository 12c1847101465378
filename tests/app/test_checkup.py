"""What `guildbank doctor` says of the Python that it runs on, and of the countries of addresses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.infra.countries_file import write_countries

from guildbank.app.checkup import Finding, State, address_countries, python_build
from guildbank.infra.config import Settings


@pytest.mark.parametrize(
    ("prefix", "configured"),
    [
        ("/usr", "'--enable-shared' '--prefix=/usr'"),
        ("/usr/local", "'--enable-optimizations' '--with-lto'"),
    ],
)
def test_a_distributions_python_is_well(prefix: str, configured: str):
    assert python_build(prefix, configured).state is State.OK


def test_a_python_that_was_compiled_plainly_is_told_of():
    found = python_build("somewhere/else", "'--enable-shared'")
    assert found.state is State.NOTE
    assert "make up PYTHON=" in found.detail


def countries_part(path: Path | None) -> Finding:
    return address_countries(Settings(address_countries=path))


def test_a_deployment_without_a_file_of_addresses_is_told_what_that_means() -> None:
    found = countries_part(None)
    assert found.state is State.NOTE
    assert "GUILDBANK_ADDRESS_COUNTRIES" in found.detail


def test_a_file_of_addresses_that_is_missing_or_none_is_missing(tmp_path: Path) -> None:
    assert countries_part(tmp_path / "gone.mmdb").state is State.MISSING
    (tmp_path / "text.mmdb").write_text("no file of this kind")
    found = countries_part(tmp_path / "text.mmdb")
    assert found.state is State.MISSING
    assert "text.mmdb is no MMDB file" in found.detail


def test_a_file_of_addresses_is_well_until_it_is_old(tmp_path: Path) -> None:
    new = write_countries(tmp_path / "new.mmdb")
    assert countries_part(new).state is State.OK
    then = datetime.now(UTC) - timedelta(days=101)
    old = write_countries(tmp_path / "old.mmdb", built=then)
    found = countries_part(old)
    assert found.state is State.NOTE
    assert f"built on {then:%Y-%m-%d}, 101 days ago" in found.detail
