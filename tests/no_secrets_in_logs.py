"""Fails each test, and the whole run, whose programs write a secret to a log.

Loaded by `-p` in pyproject.toml. After each phase of a test it looks at what was captured: log
records, stdout and stderr, also those of processes that inherit them. Once all servers of a process
of the run have ended it looks at every `*.log` below its folder for temporary files. What a program
shows to its user on purpose is no log: the tests' servers write that to a file of another name.
"""

import json
import logging
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pytest
from tests.secret_shapes import secrets_in

from guildbank.infra.telemetry import CHATTY

MAIL_SERVER = "mail.log"
"""What aiosmtpd, a mail server of the tests, calls itself: at debug level it logs whole mails."""
_SHOWN = 5


def refuse_secrets_in_logs(folder: Path) -> None:
    """Raise AssertionError if a log below the folder holds a secret, and say which and where.

    A folder that does not outlive its test is looked through before it goes.
    """
    # A test may have left a file of keys empty.
    kept = {secret for secret in _kept_in_files(folder) if secret}
    told = []
    for path in sorted(folder.rglob("*.log")):
        found = list(secrets_in(path.read_text(errors="replace"), kept))
        if found:
            told.append(f"{path}:\n{_listed(found)}")
    assert not told, "A secret was written to a log.\n" + "\n".join(told)


def _kept_in_files(folder: Path) -> Iterator[str]:
    """Return the secrets that deployments below the folder keep in files of their own."""
    for path in folder.rglob("master.key"):
        yield path.read_text().strip()
    for path in folder.rglob("passwords.json"):
        yield from json.loads(path.read_text()).values()


def _listed(found: Iterable[str]) -> str:
    lines = list(found)
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join(f"  {line}" for line in [*lines[:_SHOWN], *more])


def pytest_configure() -> None:
    """Let all be logged that a deployment at debug level would log, and not what readers get."""
    for chatty in (*CHATTY, MAIL_SERVER):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge what each phase of a test wrote."""
    report = yield
    told = []
    for title, text in report.sections:
        found = list(secrets_in(text)) if title.endswith(f" {report.when}") else []
        if found:
            told.append(f"{title}:\n{_listed(found)}")
    if told:
        report.outcome = "failed"
        report.longrepr = "\n".join(["A secret was written to a log.", *told, report.longreprtext])
    return report


@pytest.fixture(scope="session", autouse=True)
def _no_secrets_in_log_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Judge the files that servers wrote. Set up before any server, it goes after all of them."""
    yield
    refuse_secrets_in_logs(tmp_path_factory.getbasetemp())
