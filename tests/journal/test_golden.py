"""Bytes that must never change: keys, fingerprints and the chain of journals that exist.

A replay after an upgrade is known by the first two, and `verify` walks the third. A test here that
fails after a change of a command or a format asks for a new version, not for new bytes.
"""

from datetime import UTC, datetime

import pytest

from guildbank.journal.act import facts, fingerprint, key_hash
from guildbank.journal.chain import GENESIS, batch_hash, digests, entry_bytes, row_digest
from guildbank.ledger import TRANSFERS, Transfer
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.wallets.contracts import Grant, PlaceHold, Reverse, Spend

PLAYER = "player_01kag3pyqmf9aag12vtrsy70ps"
APP = "app_01kag3pyqmf9aag12vtrsy70ps"
NOON = datetime(2026, 1, 2, 12, 0, 0, 345_678, tzinfo=UTC)

COMMANDS: dict[str, object] = {
    "wallets.spend": Spend(PLAYER, "GEM", 30),
    "wallets.grant": Grant(PLAYER, "GEM", 5, "ab" * 32),
    "wallets.hold": PlaceHold(PLAYER, "GEM", 5, 60),
    "wallets.reverse": Reverse("txn_01m7yqwf9ke00800000000003v", 3),
    "payments.refund": RefundCommand(
        payment_id="pay_x", amount_minor=200, money="EUR", reason=None
    ),
}
PRINTS = {
    "wallets.spend": "dca1c60a9e35a030d78d12ee23b1c6be100b94538e12ce9a0f23f4a0f43aa282",
    "wallets.grant": "f2f27efd4cb45deaac834894deaa767ad7cae78d7889daa091a78d80d2dd075c",
    "wallets.hold": "88e676a3d956895e0b7409b6e7ef5ec3541c160f0d7ee0dfa6598658bae6fcdf",
    "wallets.reverse": "74f039d2312443fafd6663b1e6b8da23e94b9dbd0c9bd4d6ef3bf1387f7fcc60",
    "payments.refund": "4813deb5484652b190b4f7b116089b52d2aa32ae58cbb2e4b844a7e8c0c352b9",
}
BATCH = "1cb65e293ead32b4b36f2d5909a3705eee0854b29bee85e363934a44d54d7d36"


def test_the_hash_of_a_key():
    assert key_hash(APP, "wallets.spend", "order-7").hex() == "b2f20099e200963c002b425b57f876e4"


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_fingerprint_of_a_command(verb: str):
    assert fingerprint(verb, COMMANDS[verb]).hex() == PRINTS[verb]


def test_the_facts_of_an_entry_are_sorted_and_exact():
    assert facts({"b": 2**53 - 1, "a": "é", "c": None}) == (
        '{"a":"é","b":9007199254740991,"c":null}'.encode()
    )


def test_the_bytes_of_a_batch():
    rows = [
        entry_bytes(1, "wallets.spent", APP, bytes(16), bytes(range(32)), b'{"amount":30}'),
        entry_bytes(2, "journal.suspended", "op", None, None, b"{}"),
        TRANSFERS.canonical(Transfer(1, 0, 2, 3, 30, 0, None, 7, -5, 37, None, None, None)),
    ]
    assert row_digest(rows[0]).hex() == "9c34051c43477f44"
    assert row_digest(rows[2]).hex() == "04fdbadb8de57699"
    assert digests(rows) == b"".join(map(row_digest, rows))
    assert (
        batch_hash(GENESIS, 1, 1, 2, NOON, rows).hex()
        == "1cb65e293ead32b4b36f2d5909a3705eee0854b29bee85e363934a44d54d7d36"
    )
