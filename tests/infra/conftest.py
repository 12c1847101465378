"""What the tests of the infrastructure share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.no_secrets_in_logs import refuse_secrets_in_logs


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can walk to, unlike pytest's own, so that only our walls count."""
    with tempfile.TemporaryDirectory(prefix="guildbank-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        refuse_secrets_in_logs(Path(name))
