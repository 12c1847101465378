"""The commands of the page on vouchers make codes, and one of them pays."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.servers.guildbank import GuildbankServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "vouchers.md"


def test_the_commands_of_the_page_run_in_order(tmp_path: Path) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
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
    assert payment["state"] == "credited"
    with (tmp_path / "codes.csv").open(newline="") as file:
        codes = [row["code"] for row in csv.DictReader(file)]
    assert len(set(codes)) == 100
    assert (tmp_path / "codes.csv").stat().st_mode & 0o077 == 0
    shown = done.stdout.replace("-", "")
    assert not any(code.replace("-", "") in shown for code in codes)
    assert "vsec_" not in done.stdout
