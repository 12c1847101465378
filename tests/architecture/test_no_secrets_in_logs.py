"""A run in which anything writes a secret to a log is red, and says which test or file did."""

import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.architecture.tree import ROOT
from tests.secret_shapes import OF_OTHERS, PASSWORDS, secrets_in

HEAD = 'import logging, subprocess, sys\nKEY = "sk_" + "4fzQ0aBcDeFgHiJkLmNoPq" * 2\n'
LEAKS = {
    "a record": "def test_one():\n    logging.warning('sent %s', KEY)\n",
    "stderr": "def test_one():\n    sys.stderr.write(KEY)\n",
    "a structured line": "def test_one():\n    print('sent', dict(token=KEY))\n",
    "a process": "def test_one():\n"
    "    subprocess.run([sys.executable, '-c', f'import sys; sys.exit(\"{KEY}\")'])\n",
    "a file": "def test_one(tmp_path):\n    (tmp_path / 'server.log').write_text(KEY)\n",
    "a key of the deployment in a file": "def test_one(tmp_path):\n"
    "    (tmp_path / 'master.key').write_text('b' * 44)\n"
    "    (tmp_path / 'server.log').write_text('opened with ' + 'b' * 44)\n",
}
CLEAN = (
    "def test_two(tmp_path, capsys):\n"
    "    (tmp_path / 'server.shown').write_text(KEY)\n"
    "    (tmp_path / 'master.key').touch()\n"
    "    (tmp_path / 'server.log').write_text('opened')\n"
    "    logging.warning('sent sk_4fz... of key_01m7yqwf9ke008000000')\n"
    "    print('Your key, shown this once:', KEY)\n"
    "    assert KEY in capsys.readouterr().out\n"
)
NAMED = re.compile(r"^[A-Z_, ]*(?:PASSWORD|MASTER_KEY|SECRET)[A-Z_, ]*= (.+)$", re.MULTILINE)


def run(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the tests of a folder with the plugin loaded."""
    plugins = ("-p", "tests.no_secrets_in_logs", "-p", "xdist")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            *plugins,
            *options,
            f"--basetemp={folder / 'made'}",
            folder,
        ],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that is gone before this very run looks for secrets in its own."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize("processes", [(), ("-n", "2", "--dist", "loadfile")], ids=["one", "two"])
def test_a_secret_in_a_log_fails_the_run(folder: Path, processes: Sequence[str]):
    for number, leak in enumerate(LEAKS.values()):
        (folder / f"test_{number}.py").write_text(HEAD + leak + CLEAN)
    told = run(folder, *processes)
    assert told.returncode == 1, told.stdout
    for number, how in enumerate(LEAKS):
        found = f"FAILED test_{number}.py::test_one" in told.stdout
        assert found is (" file" not in how), how
    files = re.findall(r"/test_one\d/server\.log:\n.+line 1 has (.+?):", told.stdout)
    assert sorted(set(files)) == ["a secret key", "a secret of the tests"]


def test_what_is_shown_to_a_user_and_a_key_cut_short_are_no_leaks(folder: Path):
    (folder / "test_clean.py").write_text(HEAD + CLEAN)
    told = run(folder)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize(
    ("secret", "what"),
    [
        (f"whsec_{'a8B/' * 8}=", "a secret of webhooks"),
        (f"rt_{'a8B_' * 8}.{'c' * 16}", "a refresh token"),
        (f"gs_{'a8B-' * 8}", "a guest's secret"),
        ("eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJwIn0.c2ln", "a signed token"),
        ("Bearer abc.def-123", "an authorization"),
        ("-----BEGIN PRIVATE KEY-----\\nMIGHAgEA", "a private key"),
        ("postgresql://guild:hunter2@db.internal/guildbank", "a password in an address"),
        (f"/reset?token={'a8B_' * 10}-x8", "the secret of a link"),
        (f"tenant_01m7yqwf9ke008000000.{'a8B_' * 10}-x8", "the secret of a link"),
        ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "the secret of an authenticator app"),
        ("k7wq-p2mn-x8ru", "a recovery code"),
        (f"AGE-SECRET-KEY-1{'QZ7R' * 14}XX", "a recovery key"),
        ('{"code":"12345678"}', "a mailed code"),
        ("password=three lamps sing at dawn", "a secret of the tests"),
    ],
)
def test_each_kind_of_secret_is_known(secret: str, what: str):
    assert f"line 1 has {what}:" in "\n".join(secrets_in(f"sent {secret} away"))


def test_what_only_looks_like_a_secret_is_none():
    named = "key_01m7yqwf9ke008000000 of 4bf92f35-77b3-4da6-a3ce-929d0e0e4736 in ck_identity_ticket"
    digest = secrets.token_hex(32)
    told = f"{named} {digest} blue-moon-city http://127.0.0.1:8080/v1 code=conflict sk_4fzQ0a..."
    assert list(secrets_in(told)) == []


def test_the_secret_itself_is_not_told_again():
    token = "sk_" + secrets.token_hex(20)
    (told,) = secrets_in(f"line\nsent {token} away")
    assert told == f"line 2 has a secret key: sent {token[:6]}..."


def test_the_passwords_of_all_tests_are_known():
    named = [
        word
        for path in [*ROOT.glob("tests/**/*.py"), *ROOT.glob("plugins/*/tests/*.py")]
        if "node_modules" not in path.parts and path.name != Path(__file__).name
        for line in NAMED.findall(path.read_text())
        for word in re.findall(r'(?<!b)"([^"]{8,})"', line)
        if "@" not in word and word != "password"
    ]
    assert len(named) > 20
    unknown = [
        word for word in named if not any(known in word for known in (*PASSWORDS, *OF_OTHERS))
    ]
    assert unknown == [], "add them to tests/secret_shapes.py"
