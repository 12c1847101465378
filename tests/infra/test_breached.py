"""Passwords of a list are known, in any order of asking, and no others."""

import io
import random
import tracemalloc
from hashlib import sha1
from pathlib import Path

import pytest

from guildbank.infra.breached import BadList, Breached, load_list


def listed(passwords: list[str], count: int = 1) -> bytes:
    hashes = sorted(sha1(one.encode(), usedforsecurity=False).hexdigest() for one in passwords)
    return b"".join(f"{one.upper()}:{count}\r\n".encode() for one in hashes)


def loaded(folder: Path, text: bytes, at_least: int = 1) -> Breached:
    target = folder / "breached.bin"
    load_list(io.BytesIO(text), target, at_least=at_least, progress=lambda *_: None)
    return Breached(target)


def test_every_password_of_the_list_is_known_and_no_other(tmp_path: Path):
    known = [f"secret {number} é" for number in range(20_000)]
    breached = loaded(tmp_path, listed(known))
    assert breached.count() == 20_000
    assert [one for one in known if not breached.knows(one)] == []
    assert [n for n in range(20_000) if breached.knows(f"other {n}")] == []


def test_the_first_and_the_last_hash_that_there_can_be_are_found(tmp_path: Path):
    ends = b"".join(f"{one}:1\n".encode() for one in ("0" * 39 + "1", "F" * 40))
    assert loaded(tmp_path, ends).count() == 2
    one = loaded(tmp_path, listed(["lonely"]))
    assert one.knows("lonely")
    assert not one.knows("crowded")


def test_without_a_list_nothing_is_known(tmp_path: Path):
    breached = Breached(tmp_path / "none")
    assert breached.count() is None
    assert not breached.knows("password")


def test_what_was_seen_seldom_may_be_left_out(tmp_path: Path):
    hashes = {one: sha1(one.encode(), usedforsecurity=False).hexdigest() for one in "ab"}
    lines = sorted(f"{hashes[one]}:{count}\n" for one, count in (("a", 9), ("b", 10)))
    breached = loaded(tmp_path, "".join(lines).encode(), at_least=10)
    assert breached.knows("b")
    assert not breached.knows("a")


def test_a_new_list_takes_the_place_of_the_old_one_while_it_serves(tmp_path: Path):
    breached = loaded(tmp_path, listed(["old"]))
    assert breached.knows("old")
    loaded(tmp_path, listed(["new"]))
    assert breached.knows("new")
    assert not breached.knows("old")


BAD = {
    "out of order": listed(["a", "b", "c"])[44:] + listed(["a", "b", "c"])[:44],
    "twice": listed(["a"]) * 2,
    "half a hash": b"00" * 19 + b":1\n",
    "no hexadecimal": b"x" * 40 + b":1\n",
    "NTLM": b"0" * 32 + b":1\n",
    "no count": b"0" * 40 + b":many\n",
    "seen never": b"0" * 40 + b":0\n",
    "a password": b"hunter2\n",
    "binary": bytes(range(256)),
    "one endless line": b"0" * 10_000,
    "nothing": b"",
}


@pytest.mark.parametrize("how", BAD)
def test_a_list_that_is_none_is_refused_and_the_old_one_stays(tmp_path: Path, how: str):
    breached = loaded(tmp_path, listed(["old"]))
    with pytest.raises(BadList):
        loaded(tmp_path, BAD[how])
    assert breached.knows("old")
    assert [path.name for path in tmp_path.iterdir()] == ["breached.bin"]


def test_a_damaged_file_is_told_and_never_read_as_no_list(tmp_path: Path):
    whole = loaded(tmp_path, listed(["old"])).path.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"x", b"x" + whole[1:], whole[: len(whole) // 2]):
        broken = tmp_path / "broken.bin"
        broken.write_bytes(damaged)
        with pytest.raises(BadList, match="load the list"):
            Breached(broken).knows("old")


def test_memory_does_not_grow_with_the_list(tmp_path: Path):
    peaks = []
    for size in (10_000, 100_000):
        numbers = sorted({random.Random(n).getrandbits(160) for n in range(size)})
        (tmp_path / "list").write_text("".join(f"{one:040X}:3\n" for one in numbers))
        del numbers
        with (tmp_path / "list").open("rb") as source:
            tracemalloc.start()
            load_list(source, tmp_path / "out", at_least=1, progress=lambda *_: None)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2
