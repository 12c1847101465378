"""The page on the App Store is done as it stands: bought in another money, and given back."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer
from tests.servers.lab import LabServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "app-store.md"
_WITHIN_SECONDS = 90


def test_the_commands_sell_at_the_lab_and_the_history_tells_of_the_refund(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 4
    folder = tmp_path_factory.mktemp("apple") / "data"
    with LabServer() as lab:
        places = {"GUILDBANK_EGRESS_PLACES": f"127.0.0.1:{lab.port}"}
        with GuildbankServer(folder, variables=places) as server:
            demo = server.credentials.demo
            assert demo is not None
            with server.client(demo.secret_key) as http:
                player = http.post("/v1/players", json={"externalId": "apply"}).json()["id"]
                packs = http.get("/v1/packs").json()["items"]
                pack = next(
                    one["id"]
                    for one in packs
                    if any(p["price"]["currency"] == "EUR" for p in one["prices"])
                )
                known = {
                    "GUILDBANK_URL": server.url, "SECRET_KEY": demo.secret_key, "PLAYER": player,
                    "PACK": pack, "LAB_URL": lab.url, "no_proxy": "*",
                }  # fmt: skip
                done = subprocess.run(
                    ["sh", "-eu", "-c", "\necho\n".join(commands)], cwd=tmp_path,
                    env={**server.environment, **known}, stdout=subprocess.PIPE, text=True,
                    timeout=90, check=False,
                )  # fmt: skip
                assert done.returncode == 0, done.stdout
                account, _, confirmed, _ = done.stdout.splitlines()
                assert json.loads(account)["secretsSet"] == ["private_key"]
                payment = json.loads(confirmed)
                assert payment["state"] == "credited", confirmed
                assert payment["amount"] == {"amount": "4.99", "currency": "USD"}
                deadline = time.monotonic() + _WITHIN_SECONDS
                refunds: list[dict[str, object]] = []
                while not refunds and time.monotonic() < deadline:
                    time.sleep(1)
                    refunds = http.get(f"/v1/payments/{payment['id']}").json()["refunds"] or []
                assert [one["state"] for one in refunds] == ["succeeded"]
