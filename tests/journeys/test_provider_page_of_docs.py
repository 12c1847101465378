"""The page on routes is done as it stands, and its table is the one that payments go by."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer

from guildbank.payments.declines import TABLE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "choose-a-provider.md"


def test_the_commands_lead_a_purchase_to_the_provider_that_can_take_it(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 3
    with GuildbankServer(tmp_path_factory.mktemp("routes") / "data") as server:
        demo = server.credentials.demo
        assert demo is not None
        with server.client(demo.secret_key) as http:
            player = http.post("/v1/players", json={"externalId": "routed"}).json()["id"]
            packs = http.get("/v1/packs").json()["items"]
        pack = next(
            one["id"]
            for one in packs
            if any(p["price"]["currency"] == "EUR" for p in one["prices"])
        )
        known = {
            "GUILDBANK_URL": server.url, "KEY": demo.secret_key, "PLAYER": player, "PACK": pack,
            "no_proxy": "*",
        }  # fmt: skip
        done = subprocess.run(
            ["sh", "-eu", "-c", "\necho\n".join(commands)], cwd=tmp_path,
            env={**server.environment, **known}, stdout=subprocess.PIPE, text=True, timeout=90,
            check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout
    saved, published, bought = map(json.loads, done.stdout.splitlines())
    assert saved["stages"]["routes"][0]["when"]["amounts"] == [
        {"currency": "EUR", "atLeast": "100.00", "below": None}
    ]
    assert published["published"] == 1
    [attempt] = bought["attempts"]
    assert attempt["provider"] == "sandbox"
    assert attempt["because"] == {
        "by": "route", "route": "others", "after": None, "passedOver": ["stripe"],
    }  # fmt: skip


def test_the_table_of_declines_is_the_one_that_payments_go_by() -> None:
    shown = re.findall(r"^\| `(\w+)` \| ([\w ]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    rows = [(one.value, row.next.value.replace("_", " "), row.told) for one, row in TABLE.items()]
    assert shown[1:] == rows
