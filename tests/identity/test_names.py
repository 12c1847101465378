"""User names: what may be one, and which are too alike to be two."""

import pytest

from guildbank.identity.contracts.players import Username
from guildbank.identity.names import read_username, skeleton
from guildbank.kernel import Refusal


def name_of(text: str) -> str:
    found = read_username(text)
    assert isinstance(found, Username), found
    return found.name


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Alice", "alice"),
        ("ＡＬＩＣＥ", "alice"),
        ("Ελένη", "ελένη"),
        ("Ёлка", "ёлка"),
        ("x_X-1", "x_x-1"),
    ],
)
def test_a_name_is_kept_in_the_case_and_width_that_all_share(typed: str, kept: str) -> None:
    assert name_of(typed) == kept


def test_a_letter_is_the_same_however_it_was_composed() -> None:
    assert name_of("jos\u00e9") == name_of("jose\u0301")


@pytest.mark.parametrize(
    "typed",
    ["", "ab", "a" * 33, "two words", "tab\there", "zero\u200bwidth", "\u202eabc", "☃☃☃", "a@b.c",
     "line\nfeed", "nul\x00nul", "ab\ud800"],
)  # fmt: skip
def test_what_cannot_be_seen_or_typed_is_no_name(typed: str) -> None:
    found = read_username(typed)
    assert isinstance(found, Refusal)
    assert (found.code, found.field) == ("invalid_value", "username")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("paypal", "p\u0430ypal"),
        ("alice", "\u0430l\u0456ce"),
        ("modern", "modem"),
        ("allan", "al1an"),
        ("scope", "\u0455\u0441\u043e\u0440\u0435"),
        ("micro", "rnicro"),
    ],
)
def test_look_alikes_share_a_skeleton(one: str, other: str) -> None:
    assert one != other
    assert skeleton(name_of(one)) == skeleton(name_of(other))


@pytest.mark.parametrize(("one", "other"), [("alice", "bob"), ("kot", "кот"), ("anna", "hanna")])
def test_names_that_differ_to_the_eye_have_skeletons_of_their_own(one: str, other: str) -> None:
    assert skeleton(name_of(one)) != skeleton(name_of(other))


@pytest.mark.parametrize("text", ["paypal", "modern", "scope", "w1nter", "ёжик", "ελένη"])
def test_a_skeleton_has_itself_for_a_skeleton(text: str) -> None:
    once = skeleton(name_of(text))
    assert skeleton(once) == once
