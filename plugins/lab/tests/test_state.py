"""A lab with a file goes on from it; without one, and with another program's, it begins anew."""

import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.servers.lab import LabServer

from guildbank_lab.bench import Bench
from guildbank_lab.config import Config
from guildbank_lab.keeping import recall

PRODUCT = "gems"


def buy_everywhere(lab: LabServer) -> dict[str, Any]:
    """Open an account at each company, and let a player buy where that needs no shop."""
    app = lab.open_apple(None, [])
    game = lab.open_google(None, [])
    return {
        "stripe": lab.open_stripe("http://127.0.0.1:9/hook"),
        "paypal": lab.open_paypal("http://127.0.0.1:9/hook"),
        "steam": lab.open_steam(),
        "apple": app,
        "google": game,
        "of_apple": lab.do("/lab/apple/buy", bundle_id=app["bundle_id"], product=PRODUCT),
        "of_google": lab.do("/lab/google/buy", package_name=game["package_name"], product=PRODUCT),
    }


def born(lab: LabServer) -> str:
    """Which lab it is."""
    return str(lab.ask("/lab")["born"])


@contextmanager
def lab_of(folder: Path, seed: int = 1) -> Iterator[LabServer]:
    """A lab that keeps all in a folder."""
    with LabServer(seed=seed, state=folder / "lab.state") as lab:
        yield lab


def test_what_was_sold_and_who_is_trusted_outlives_a_restart(tmp_path: Path):
    with lab_of(tmp_path) as lab:
        sold, first = buy_everywhere(lab), born(lab)
        key = sold["stripe"]["secret_key"]
        lab.turn("pay_1", "webhook", "unsent", times=0)
    assert stat.S_IMODE((tmp_path / "lab.state").stat().st_mode) == 0o600
    with lab_of(tmp_path) as lab:
        assert born(lab) == first
        apple, google = sold["apple"], sold["google"]
        lab.do(
            "/lab/apple/refund", bundle_id=apple["bundle_id"],
            transaction=sold["of_apple"]["transaction"],
        )  # fmt: skip
        heard = lab.do(
            "/lab/google/heard", package_name=google["package_name"],
            transaction=sold["of_google"]["transaction"],
        )  # fmt: skip
        assert heard["consumed"] is False
        assert lab.ask("/v1/account", bearer=key)["object"] == "account"
        again = lab.do(
            "/lab/paypal/accounts", client_id=sold["paypal"]["client_id"],
            client_secret=sold["paypal"]["client_secret"], webhook_url="http://127.0.0.1:9/other",
        )  # fmt: skip
        assert again == {**sold["paypal"], "lab_url": lab.url}
        assert "pay_1 at webhook" in lab.page("/")


def test_a_file_of_another_program_is_set_aside(tmp_path: Path):
    with lab_of(tmp_path) as lab:
        first, sold = born(lab), buy_everywhere(lab)
    file = tmp_path / "lab.state"
    file.write_bytes(b"another" + file.read_bytes()[7:])
    with lab_of(tmp_path, seed=2) as lab:
        assert born(lab) != first
        assert file.with_suffix(".old").exists()
        # What a shop remembers by its name is nobody else's now.
        assert buy_everywhere(lab)["of_apple"]["transaction"] != sold["of_apple"]["transaction"]


def test_a_crash_loses_no_more_than_its_last_moment(tmp_path: Path):
    with lab_of(tmp_path) as lab:
        sold = buy_everywhere(lab)
        lab.await_kept(tmp_path / "lab.state", sold["of_google"]["order"])
        shutil.copy(tmp_path / "lab.state", tmp_path / "then")
    shutil.copy(tmp_path / "then", tmp_path / "lab.state")
    with lab_of(tmp_path) as lab:
        assert sold["of_google"]["order"] in lab.page("/")


@pytest.mark.parametrize(
    ("asked", "of"), [("posix", "system"), ("builtins", "eval")], ids=["a command", "code"]
)
def test_a_file_that_asks_for_strange_things_is_not_believed(tmp_path: Path, asked: str, of: str):
    with lab_of(tmp_path):
        pass
    file = tmp_path / "lab.state"
    mark = tmp_path / f"mark{secrets.token_hex(4)}"
    does = {"system": f"touch {mark}", "eval": f'open("{mark}", "w")'}[of]
    asks = f"c{asked}\n{of}\n(S'{does}'\ntR.".encode()
    file.write_bytes(file.read_bytes()[:32] + asks)
    with pytest.raises(Exception, match=f"asks for {asked}"):
        recall(file, Bench(Config(url="http://127.0.0.1:1")))
    assert not mark.exists()


def test_without_a_file_a_stop_forgets_it(tmp_path: Path):
    with LabServer() as one:
        first = born(one)
    with LabServer() as two:
        assert born(two) != first
