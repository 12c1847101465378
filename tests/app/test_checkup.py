"""What `guildbank doctor` says of the Python that it runs on."""

import pytest

from guildbank.app.checkup import State, python_build


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
