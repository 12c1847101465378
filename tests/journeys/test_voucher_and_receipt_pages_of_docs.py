"""The commands of the pages on vouchers and receipts make codes, of which one pays, and a step."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.servers.guildbank import GuildbankServer

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("vouchers.md", "receipts.md")


def commands_of(page: str) -> list[str]:
    text = (DOCS / page).read_text()
    found: list[str] = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 2, page
    return found


def test_the_commands_of_the_pages_run_in_order(tmp_path: Path) -> None:
    commands = [one for page in PAGES for one in commands_of(page)]
    with GuildbankServer(tmp_path / "data") as server:
        demo = server.credentials.demo
        assert demo is not None
        done = subprocess.run(
            ["sh", "-eu", "-c", "\necho;\n".join(commands)],
            cwd=tmp_path,
            env={
                **server.environment,
                "GUILDBANK_URL": server.url,
                "KEY": demo.secret_key,
                "TENANT": "demo",
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "no_proxy": "*",
            },
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        with server.client() as http:
            path = "/v1/payments?provider=voucher&reference=voucher-1-1"
            (payment,) = http.get(path).json()["items"]
            published = http.get("/v1/pipelines/packs").json()
    assert payment["state"] == "credited"
    with (tmp_path / "codes.csv").open(newline="") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    assert len(set(codes)) == 100
    assert (tmp_path / "codes.csv").stat().st_mode & 0o077 == 0
    shown = done.stdout.replace("-", "")
    assert not any(code.replace("-", "") in shown for code in codes)
    assert "vsec_" not in done.stdout
    assert published["published"] == 1
    assert "write-receipts" in done.stdout
    assert "items" in done.stdout.splitlines()[-1]
