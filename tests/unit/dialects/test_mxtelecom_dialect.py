"""The MX Telecom API where its answers do not show what it made of a request."""

from typing import Any

import pytest

from broker import errors
from broker.dialects.mxtelecom.codes import Code, code_of, reason
from broker.dialects.mxtelecom.dialect import MxTelecomDialect
from broker.domain.draft import Draft
from broker.domain.wire import Call
from broker.errors import (
    AdmissionError,
    AuthenticationFailed,
    Busy,
    InvalidField,
    InvalidOriginator,
    InvalidRecipient,
    InvalidRequest,
    MissingField,
    RepeatedRecipient,
    RequestError,
)

MX = MxTelecomDialect()


def draft(**parameters: str) -> Draft:
    """Return the draft of a text."""
    given = {"smsto": "447700900123", "smsmsg": "Hi", **parameters}
    (found,) = MX.parse(Call(method="GET", path="/SMSSend", query=tuple(given.items())))  # type: ignore[misc]
    assert isinstance(found, Draft)
    return found


def test_a_text_is_valid_for_a_day_or_as_long_as_it_says() -> None:
    assert draft().validity_s == 24 * 3600
    assert draft(vp="1").validity_s == 1
    assert draft(vp=str(366 * 24 * 3600)).validity_s == 366 * 24 * 3600


def test_every_request_wants_a_number_and_none_has_a_key() -> None:
    assert draft().numbered
    assert draft().key is None


@pytest.mark.parametrize("code", range(20))
def test_the_vendors_list_has_gaps(code: int) -> None:
    assert (code in set(Code)) is (code in {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 18})


@pytest.mark.parametrize(
    ("several", "code"),
    [
        ([RepeatedRecipient("x"), InvalidRecipient("x")], Code.INVALID),
        ([RepeatedRecipient("x"), RepeatedRecipient("x")], Code.DUPLICATE),
        ([InvalidField("x"), InvalidOriginator("x")], Code.SENDER),
        ([InvalidOriginator("x"), MissingField("x")], Code.MISSING),
    ],
)
def test_of_several_errors_the_one_that_is_checked_first_is_told(
    several: list[RequestError], code: Code
) -> None:
    assert code_of(InvalidRequest(several)) is code


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ((), b"4"),
        ((("user", "acme"),), b"4"),
        ((("pass", "x"),), b"4"),
        ((("user", "acme"), ("pass", "")), b"4"),
        ((("user", "acme"), ("pass", "x")), b"8"),
    ],
)
def test_credentials_that_are_absent_are_not_wrong_ones(query: Any, code: bytes) -> None:
    call = Call(method="GET", path="/SMSSend", query=query)
    assert MX.refused(call, AuthenticationFailed("wrong")).body.split(b"\n")[1] == code


@pytest.mark.parametrize("contact", ["Zoë\nBroker", "{about}", "a" * 500])
def test_a_refusal_is_two_lines_of_ascii_whatever_the_operator_calls_himself(contact: str) -> None:
    text = reason(errors.NoRoute("none"), contact=contact, name="")
    assert text.isascii()
    assert "\n" not in text


def test_what_is_wrong_with_a_parameter_is_told_on_its_line() -> None:
    error = InvalidField("has a\nline break and ünïcode", pointer="/note")
    assert reason(error, contact="", name="note") == "Invalid parameter: note: has a?line break and ?n?code"


def test_every_trouble_of_ours_that_may_pass_is_told_as_one_to_try_again() -> None:
    class Unheard(Busy):
        """One that is new."""

    assert code_of(Unheard("x")) is Code.TRY_AGAIN
    assert code_of(AdmissionError("x")) is Code.TRY_AGAIN


def test_a_name_is_offered_only_with_its_password() -> None:
    for query in ((("user", "a"),), (("pass", "b"),), (("user", "a\0"), ("pass", "b"))):
        found = MX.credentials(Call(method="GET", path="/SMSSend", query=query))
        assert (found.user, found.password, found.api_key) == (None, None, None)


def test_the_right_to_send_mms_is_asked_for_by_the_path_alone() -> None:
    for path, needs in (("/SendMMS", True), ("/mms/v1/http/send", True), ("/SMSSend", False)):
        assert MX.needs_mms(Call(method="GET", path=path)) is needs
