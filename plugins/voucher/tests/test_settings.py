"""Settings that say nothing sensible are named before anybody buys by them."""

from typing import Any

import pytest

from guildbank_voucher.codes import new_secret
from guildbank_voucher.plugin import VoucherProvider

BATCH = {"batch": 1, "amount": "10.00", "currency": "EUR", "count": 100}
SECRET = new_secret()


def fields(*batches: dict[str, Any], **more: Any) -> list[str]:
    settings = {"secrets": SECRET, "batches": list(batches), **more}
    return [one.field for one in VoucherProvider().check_settings(settings)]


def test_sensible_batches_pass() -> None:
    assert fields() == []
    whole = {**BATCH, "batch": 2, "expires": "2028-02-29", "revoked_serials": ["7", "20-29", "100"]}
    assert fields(BATCH, whole) == []


def test_own_codes_need_a_secret_and_foreign_ones_none() -> None:
    check = VoucherProvider().check_settings
    assert [one.field for one in check({})] == ["secrets"]
    assert check({"mode": "by_hand"}) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"currency": "EUX"}, "batches.0.currency"),
        ({"amount": "0.00"}, "batches.0.amount"),
        ({"amount": "10.001"}, "batches.0.amount"),
        ({"expires": "2027-02-30"}, "batches.0.expires"),
        ({"revoked_serials": ["101"]}, "batches.0.revoked_serials.0"),
        ({"revoked_serials": ["1", "9-8"]}, "batches.0.revoked_serials.1"),
    ],
)
def test_each_fault_names_its_field(wrong: dict[str, Any], field: str) -> None:
    assert fields({**BATCH, **wrong}) == [field]


def test_two_batches_never_share_a_number() -> None:
    assert fields(BATCH, BATCH) == ["batches.1.batch"]
