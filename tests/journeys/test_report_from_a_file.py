"""A merchant brings a provider's report as a file, while the server runs."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer

YESTERDAY = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
WORDS = (
    "--column", "transaction=Referenz", "--column", "at=Tag", "--column", "gross=Betrag",
    "--column", "fee=Entgelt", "--column", "reference=Referenz", "--set", "currency=EUR",
    "--delimiter", ";", "--decimal-comma", "--encoding", "windows-1252",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    folder: Path = tmp_path_factory.mktemp("report") / "data"
    with GuildbankServer(folder) as running:
        yield running


def write(path: Path, *lines: str) -> Path:
    text = "\n".join(("Tag;Empfänger;Betrag;Entgelt;Referenz", *lines, ""))
    path.write_bytes(text.encode("windows-1252"))
    return path


def bring(server: GuildbankServer, file: Path, provider: str = "sandbox") -> tuple[int, str]:
    run = server.run(
        "payments", "reconcile", str(file), "--tenant", "demo", "--provider", provider, *WORDS
    )
    return run.returncode, " ".join((run.stdout + run.stderr).split())


def files(web: httpx.Client) -> list[dict[str, Any]]:
    """Return the runs that began with a file."""
    return [
        one for one in web.get("/v1/reconciliations").json()["items"] if one["origin"] == "file"
    ]


def done(web: httpx.Client, id_: str) -> dict[str, Any]:
    """Wait for the worker; return the run."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        run: dict[str, Any] = web.get(f"/v1/reconciliations/{id_}").json()
        if run["state"] == "done":
            return run
        time.sleep(0.5)
    raise AssertionError(f"the run was not done: {run}")


def test_a_broken_line_is_named_and_the_mended_file_is_booked_once(
    server: GuildbankServer, tmp_path: Path
) -> None:
    good = f"{YESTERDAY};Müller;4,99;0,44;B1"
    file = write(tmp_path / "november.csv", good, f"{YESTERDAY};Müller;4,999;0,44;B2")
    with server.client() as web:
        code, said = bring(server, file)
        assert code == 1
        assert "line 3: gross: '4.999' has more than 2 decimals" in said
        assert files(web) == []
        write(file, good, f"{YESTERDAY};Müller;9,99;0,58;B2")
        code, said = bring(server, file)
        assert code == 0, said
        found = re.search(r"rec_\w+", said)
        assert found is not None, said
        run = done(web, found[0])
        # The payments are another shop's; what was kept of them left the account all the same.
        assert run["counts"] == {"missing_here": 2}
        lines = web.get(f"/v1/reconciliations/{run['id']}/lines").json()["items"]
        assert [(one["gross"], one["fee"], one["feeBooked"]) for one in lines] == [
            ("4.99", "0.44", True),
            ("9.99", "0.58", True),
        ]
        assert "2 of demo were reported in the last week and differ" in " ".join(
            server.run("doctor").stdout.split()
        )
        code, said = bring(server, file)
        assert code == 0
        assert run["id"] in said
        assert len(files(web)) == 1
        (money,) = [one for one in web.get("/v1/proof").json()["money"] if one["fees"] != "0.00"]
        assert money["fees"] == "1.02"


@pytest.mark.parametrize(
    ("provider", "words", "said"),
    [
        ("nobody", (), "unknown_provider"),
        ("sandbox", ("--encoding", "utf-16"), "encodings are utf-8"),
        ("sandbox", ("--column", "gross"), "is not NAME=VALUE"),
    ],
)
def test_what_cannot_be_done_is_said(
    server: GuildbankServer, tmp_path: Path, provider: str, words: tuple[str, ...], said: str
) -> None:
    file = write(tmp_path / "one.csv", f"{YESTERDAY};Müller;4,99;;B9")
    run = server.run(
        "payments", "reconcile", str(file), "--tenant", "demo", "--provider", provider, *WORDS,
        *words,
    )  # fmt: skip
    assert run.returncode != 0
    assert said in " ".join((run.stdout + run.stderr).split())
