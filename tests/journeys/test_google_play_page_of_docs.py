"""The page on Google Play is done as it stands: bought in another money, and voided.

That the coins go with the money is tried without a server, whose list is read once a minute.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer
from tests.servers.lab import LabServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "google-play.md"


def test_the_commands_sell_at_the_lab_and_void_what_was_sold(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 4
    folder = tmp_path_factory.mktemp("google") / "data"
    with LabServer() as lab:
        places = {"GUILDBANK_EGRESS_PLACES": f"127.0.0.1:{lab.port}"}
        with GuildbankServer(folder, variables=places) as server:
            demo = server.credentials.demo
            assert demo is not None
            with server.client(demo.secret_key) as http:
                player = http.post("/v1/players", json={"externalId": "greta"}).json()["id"]
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
                account, _, confirmed, voided = done.stdout.splitlines()
                assert json.loads(account)["secretsSet"] == ["service_account"]
                payment = json.loads(confirmed)
                assert payment["state"] == "credited", confirmed
                assert payment["amount"] == {"amount": "4.99", "currency": "USD"}
                assert json.loads(voided) == {"state": "CANCELLED"}
