"""Check digits of account numbers and references, by the examples of their standards."""

import pytest

from guildbank.kernel import new_id
from guildbank_transfer.checked import in_groups, is_iban, is_reference, reference_of
from guildbank_transfer.plugin import BankTransferProvider


@pytest.mark.parametrize(
    "iban",
    [
        "GB82WEST12345698765432",
        "DE89370400440532013000",
        "NO9386011117947",
        "FR1420041010050500013M02606",
    ],
)
def test_published_account_numbers_are_taken_and_slips_are_not(iban: str) -> None:
    assert is_iban(iban)
    slip = iban[:-1] + str((int(iban[-1]) + 1) % 10)
    assert not is_iban(slip)
    assert not is_iban(iban.lower())


def test_a_reference_has_the_check_digits_of_the_standard() -> None:
    assert is_reference("RF18539007547034")
    assert not is_reference("RF18539007547043")


def test_references_of_attempts_are_valid_short_and_lasting() -> None:
    attempt = new_id("att")
    reference = reference_of(attempt)
    assert is_reference(reference)
    assert len(reference) <= 25
    assert reference == reference_of(attempt) != reference_of(new_id("att"))
    assert in_groups("RF18539007547034") == "RF18 5390 0754 7034"


def test_settings_with_a_mistyped_account_are_refused() -> None:
    provider = BankTransferProvider()
    assert provider.check_settings({"iban": "de89 3704 0044 0532 0130 00"}) == []
    (problem,) = provider.check_settings({"iban": "DE89370400440532013001"})
    assert problem.field == "iban"
