"""The command makes codes that pay, overwrites no file, and shows a secret only where asked for."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from guildbank_voucher.codes import Value, is_genuine, new_secret, read
from guildbank_voucher.command import SECRET, app
from guildbank_voucher.plugin import VoucherProvider

KEY = new_secret()
OPTIONS = {"tenant": "moonlit", "batch": "7", "count": "5", "amount": "10.00", "currency": "EUR"}


def run(*words: str, key: str | None = KEY, typed: str = "") -> Result:
    return CliRunner(env={SECRET: key}).invoke(app, words, input=typed)


def made(out: Path, **changed: str) -> Result:
    options = {**OPTIONS, "out": str(out), **changed}
    return run("make", *[f"--{name}={word}" for name, word in options.items()])


def codes_in(file: Path) -> list[str]:
    with file.open(newline="") as lines:
        return [row["code"] for row in csv.DictReader(lines)]


def test_codes_go_into_a_file_of_ones_own_and_the_batch_fits_the_settings(tmp_path: Path) -> None:
    done = made(tmp_path / "codes.csv", expires="2099-12-31")
    assert done.exit_code == 0, done.output
    batch = json.loads(done.stdout)
    assert batch == {
        "batch": 7, "count": 5, "amount": "10.00", "currency": "EUR", "expires": "2099-12-31",
    }  # fmt: skip
    assert VoucherProvider().check_settings({"secrets": KEY, "batches": [batch]}) == []
    codes = codes_in(tmp_path / "codes.csv")
    assert len(codes) == 5
    for serial, text in enumerate(codes, 1):
        code = read(text)
        assert code is not None
        assert (code.batch, code.serial) == (7, serial)
        assert is_genuine(code, Value("moonlit", 1000, "EUR"), [KEY])
    assert (tmp_path / "codes.csv").stat().st_mode & 0o077 == 0


def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "codes.csv"
    out.write_text("sold last year")
    done = made(out)
    assert done.exit_code == 1
    assert "does not exist yet" in done.output
    assert out.read_text() == "sold last year"


@pytest.mark.parametrize(
    ("name", "word", "says"),
    [
        ("currency", "EURO", "currency"),
        ("amount", "-1", "amount"),
        ("amount", "0", "amount"),
        ("expires", "31.12.2099", "expires"),
        ("batch", "40000", "32767"),
    ],
)
def test_what_makes_no_sense_is_named_and_nothing_is_written(
    tmp_path: Path, name: str, word: str, says: str
) -> None:
    done = made(tmp_path / "codes.csv", **{name: word})
    assert done.exit_code != 0
    assert says in done.output
    assert not (tmp_path / "codes.csv").exists()


def test_a_code_that_is_read_names_its_serial_and_whether_it_is_genuine(tmp_path: Path) -> None:
    made(tmp_path / "codes.csv")
    code = codes_in(tmp_path / "codes.csv")[2]
    assert "batch 7, serial 3" in run("read", key=None, typed=f"{code}\n").stdout
    value = ["--tenant=moonlit", "--amount=10.00", "--currency=EUR"]
    assert "genuine" in run("read", *value, typed=f"{code}\n").stdout
    other = run("read", *value, key=new_secret(), typed=f"{code}\n")
    assert other.exit_code == 1
    assert "not made with this secret" in other.output
    assert run("read", typed=f"{code[:-1]}\n").exit_code == 1


def test_a_secret_is_asked_for_unseen_and_checked() -> None:
    value = ["--tenant=moonlit", "--amount=10.00", "--currency=EUR"]
    done = run("read", *value, key="sk_something", typed="00000-00000-00000-00000-00000\n")
    assert done.exit_code == 1
    assert "vsec_" in done.output
