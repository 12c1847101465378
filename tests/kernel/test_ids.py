"""An id names its kind and sorts by time, and an id that is not exactly ours names nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typeid import TypeID
from uuid_utils import UUID

from guildbank.kernel import new_id, parse_id, parse_seq_id, seq_id
from guildbank.kernel.ids import epoch_ms, epoch_us

AT = datetime(2026, 11, 21, 12, 30, 15, 123_456, tzinfo=UTC)
SEQS = st.integers(1, 2**62 - 1)
TIMES = st.datetimes(
    min_value=datetime(1970, 1, 1),
    max_value=datetime(9999, 12, 31),
    timezones=st.just(UTC),
)


@given(SEQS, TIMES)
def test_a_journal_id_says_the_position_and_the_millisecond_it_was_made_of(seq: int, at: datetime):
    found = parse_seq_id("txn", seq_id("txn", seq, at))
    assert found is not None
    assert found == (seq, epoch_ms(at))


@given(SEQS, SEQS)
def test_journal_ids_of_one_batch_sort_as_their_positions(one: int, other: int):
    assert (seq_id("txn", one, AT) < seq_id("txn", other, AT)) == (one < other)


def test_journal_ids_sort_by_time():
    later = AT + timedelta(milliseconds=1)
    assert seq_id("txn", 9, AT) < seq_id("txn", 1, later)


def test_the_same_position_of_another_journal_has_another_id():
    ours, theirs = seq_id("txn", 7, AT), seq_id("txn", 7, AT + timedelta(seconds=3))
    assert ours != theirs
    found = parse_seq_id("txn", theirs)
    assert found is not None
    assert found.at_ms != epoch_ms(AT)


def test_one_kind_of_id_is_not_another_kind():
    text = seq_id("txn", 7, AT)
    assert parse_seq_id("hold", text) is None
    assert parse_seq_id("hold", text.replace("txn_", "hold_")) == parse_seq_id("txn", text)
    assert parse_id("pay", new_id("ref")) is None


def test_a_fresh_id_is_no_journal_id():
    assert parse_seq_id("txn", new_id("txn")) is None


@pytest.mark.parametrize("variant", [0b00, 0b01, 0b11])
def test_another_uuid_variant_is_no_second_name_of_an_entry(variant: int):
    value = TypeID.from_string(seq_id("txn", 7, AT)).uuid.int
    twisted = (value & ~(0b11 << 62)) | (variant << 62)
    text = str(TypeID.from_uuid(UUID(int=twisted), prefix="txn"))
    assert parse_seq_id("txn", text) is None


GOOD = "txn_01kag3pyqmf9aag12vtrsy70ps"


def test_the_specimen_of_the_bad_ones_is_good():
    assert parse_id("txn", GOOD) == GOOD


@pytest.mark.parametrize(
    "text",
    [
        "",
        "txn",
        "txn_",
        "_01kag3pyqmf9aag12vtrsy70ps",
        "01kag3pyqmf9aag12vtrsy70ps",
        GOOD.upper(),
        GOOD.replace("txn", "Txn"),
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        " " + GOOD,
        GOOD.replace("0ps", "0p\x00"),
        GOOD.replace("0ps", "0pu"),  # u, i, l and o are not in the alphabet
        GOOD.replace("0ps", "0p\u017f"),
        "txn_81kag3pyqmf9aag12vtrsy70ps",  # more than 128 bits
        "txn_" + "z" * 26,
        "txn__01kag3pyqmf9aag12vtrsy70ps",
        "x" * 100_000,
        "txn_" + "\u0660" * 26,
    ],
)
def test_a_malformed_id_names_nothing(text: str):
    assert parse_id("txn", text) is None
    assert parse_seq_id("txn", text) is None


def test_fresh_ids_differ_and_name_their_kind():
    made = [new_id("player") for _ in range(1_000)]
    assert len(set(made)) == len(made)
    assert all(parse_id("player", one) == one for one in made)


@given(TIMES)
def test_times_become_whole_numbers_exactly(at: datetime):
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=epoch_us(at)) == at
    assert epoch_ms(at) == epoch_us(at) // 1_000
