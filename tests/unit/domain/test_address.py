"""Addresses, from how people type them to how we keep them."""

import pytest

from broker.domain.address import is_toll_free, mask, mask_within, normalise, normalise_originator, with_plus
from broker.errors import InvalidOriginator, InvalidRecipient


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("+12025550101", "US", "+12025550101"),
        ("+447700900123", "US", "+447700900123"),
        ("(202) 555-0101", "US", "+12025550101"),
        ("202.555.0101", "US", "+12025550101"),
        ("2025550101", "US", "+12025550101"),
        ("12025550101", "US", "+12025550101"),
        ("+1 (202) 555-0101", "GB", "+12025550101"),
        ("011 44 7700 900123", "US", "+447700900123"),
        ("07700 900123", "GB", "+447700900123"),
        ("06 20 123 4567", "HU", "+36201234567"),
    ],
)
def test_a_number_is_kept_as_e164(typed: str, country: str, kept: str) -> None:
    assert normalise(typed, country) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "+",
        "+1",
        "+1202555010",
        "+120255501011",
        "+02025550101",
        "+1234567890123456",
        "+12025550101\n",
        "\n+12025550101",
        "+12025550101\0",
        "+1202555010\uff11",
        "\uff0b12025550101",
        "+1202555010\u0661",
        "+1202555010\u00b2",
        "+1202555O101",
        "1-800-FLOWERS",
        "+12025550101;ext=5",
        "+12025550101 x5",
        "++12025550101",
        "5550101",
        "911",
        "tel:+12025550101",
        "not a number",
        "\ud800",
        "1" * 5000,
    ],
)
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(InvalidRecipient) as refused:
        normalise(typed, "US", pointer="/to")
    assert refused.value.pointer == "/to"
    assert refused.value.value == typed
    assert refused.value.detail == "is not a phone number"


@pytest.mark.parametrize("country", ["", "ZZ", "us"])
def test_a_country_nobody_knows_still_reads_e164(country: str) -> None:
    assert normalise("+12025550101", country) == "+12025550101"
    with pytest.raises(InvalidRecipient):
        normalise("2025550101", country)


@pytest.mark.parametrize("typed", ["+12025550101", "12345", "729725", "ACME", "Joe & Co-1", "A"])
def test_an_originator_may_be_a_short_code_or_a_name(typed: str) -> None:
    assert normalise_originator(typed, "US") == typed


@pytest.mark.parametrize(
    "typed", ["", "12", "012345", "twelve chars", "Caf\u00e9", " ACME", "ACME\n", "a;b", "\uff11\uff12\uff13"]
)
def test_what_is_no_originator_is_refused(typed: str) -> None:
    with pytest.raises(InvalidOriginator):
        normalise_originator(typed, "US")


def test_an_originator_typed_the_national_way_is_kept_as_e164() -> None:
    assert normalise_originator("(202) 555-0150", "US") == "+12025550150"


@pytest.mark.parametrize(
    ("carrier", "kept"),
    [
        ("12025550101", "+12025550101"),
        ("+12025550101", "+12025550101"),
        ("12345", "12345"),
        ("ACME", "ACME"),
        ("", ""),
    ],
)
def test_the_plus_that_a_carrier_leaves_out_is_added(carrier: str, kept: str) -> None:
    assert with_plus(carrier) == kept


def test_a_toll_free_number_is_told_from_a_local_one() -> None:
    assert is_toll_free("+18885550150")
    assert not is_toll_free("+12025550150")
    assert not is_toll_free("+448885550150")


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("+12025550101", "+1202***0101"),
        ("+36201234567", "+3620***4567"),
        ("12345", "12***"),
        ("ACME", "AC***"),
        ("", "***"),
    ],
)
def test_a_masked_address_cannot_be_called(address: str, masked: str) -> None:
    assert mask(address) == masked


def test_numbers_within_a_sentence_are_masked() -> None:
    assert mask_within("'+12025550101' and 12025550102 are wrong, code 4702") == (
        "'+1202***0101' and 12025***0102 are wrong, code 4702"
    )
