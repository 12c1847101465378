"""The page on taxes and fees is done as it stands, and its sums are those of a real server."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.journeys.stall import Stall
from tests.servers.guildbank import GuildbankServer

from guildbank.app.rooms import tenant_scopes

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "taxes-and-fees.md").read_text()


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    with closing(Stall(server)) as opened:
        yield opened


def test_the_commands_charge_a_purchase_and_the_books_hold(
    server: GuildbankServer, stall: Stall, tmp_path: Path
) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(commands) == 6
    key = stall.post("/v1/keys", {"name": "page", "scopes": tenant_scopes()})["token"]
    known = {"GUILDBANK_URL": server.url, "KEY": key, "PACK": stall.pack, "PLAYER": stall.player}
    done = subprocess.run(
        ["sh", "-eu", "-c", "\necho\n".join(commands)], cwd=tmp_path,
        env={**server.environment, **known, "no_proxy": "*"},
        stdout=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    checked, saved, published, quoted, bought, proof = map(json.loads, done.stdout.splitlines())
    assert checked["problems"] == []
    assert (saved["revision"], published["published"]) == (1, 1)
    # The table of the page, line by line.
    lines = [(one["label"], one["of"], one["amount"]["amount"]) for one in quoted["charges"]]
    assert lines == [
        ("Service fee", "price", "0.42"),
        ("VAT 19 %", "price", "0.80"),
        ("VAT 19 %", "fees", "0.07"),
    ]
    assert (quoted["price"]["amount"], quoted["amount"]["amount"]) == ("4.99", "5.41")
    assert bought["charges"] == quoted["charges"]
    paid = stall.payment(bought)
    assert (paid["state"], paid["amount"]["amount"]) == ("credited", "5.41")
    [money] = proof["money"]
    split = [money[name] for name in ("captured", "unspent", "taxes", "surcharges", "holds")]
    assert split == ["5.41", "4.19", "0.87", "0.35", True]
    back = stall.post(f"/v1/payments/{paid['id']}/refunds", {})
    assert (back["taxes"]["amount"], back["fees"]["amount"]) == ("0.87", "0.35")
