"""Bills as CSV, and the times that bound them."""

import csv
import io
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broker.domain.bill import FIELDS, Bill, csv_text, moment
from broker.domain.status import Status

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def bill(**changes: Any) -> Bill:
    usual = {
        "request_id": "50012377",
        "message_id": "01a200b7-1d92-7328-bf21-014f4e2a4c79",
        "account": "acme",
        "subaccount": "shop",
        "note": "order 7",
        "originator": "+12025550150",
        "recipient": "+12025550101",
        "kind": "mms",
        "accepted_at": NOON,
        "final_at": None,
        "outcome": Status.SUBMITTED,
        "bytes": 300,
        "parts": 2,
        "units": 1,
        "provider_ref": None,
    }
    return Bill(**{**usual, **changes})


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_has_every_field_in_order() -> None:
    (row,) = read(csv_text([bill(final_at=NOON, outcome=Status.DELIVERED, provider_ref="c-1")], head=True))
    assert tuple(row) == FIELDS
    assert (row["from"], row["to"]) == ("12025550150", "12025550101")
    assert (row["accepted_at"], row["final_at"]) == ("2026-11-21T12:00:00.000Z", "2026-11-21T12:00:00.000Z")
    assert (row["status"], row["outcome"], row["units"]) == ("3", "delivered", "1")


def test_what_is_open_has_no_end_and_no_number() -> None:
    (row,) = read(csv_text([bill()], head=True))
    assert (row["status"], row["final_at"], row["provider_message_id"]) == ("", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
@pytest.mark.parametrize("field", ["note", "subaccount", "originator", "provider_ref"])
def test_nothing_a_customer_or_carrier_wrote_becomes_a_formula(field: str, start: str) -> None:
    text = csv_text([bill(**{field: start + 'HYPERLINK("http://x","y")'})], head=True)
    values = [value for row in read(text) for value in row.values()]
    assert not [value for value in values if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert any("HYPERLINK" in value for value in values)


def test_quotes_commas_and_lines_stay_in_their_field() -> None:
    (row,) = read(csv_text([bill(note='a "b", c\r\n=d;é')], head=True))
    assert row["note"] == 'a "b", c\r\n=d;é'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", datetime(2026, 11, 21, 5, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 7, 1, 4, tzinfo=UTC)),
        ("2026-11-21T12:00:00Z", NOON),
        ("2026-11-21 13:00:00+01:00", NOON),
        ("2026-11-21T07:00:00", NOON),
    ],
)
def test_a_date_is_a_day_of_the_accounts_zone(text: str, expected: datetime) -> None:
    assert moment(text, ZoneInfo("America/New_York")) == expected


@pytest.mark.parametrize(
    "text", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00"]
)
def test_what_is_no_time_is_a_fault(text: str) -> None:
    with pytest.raises(ValueError, match="no date"):
        moment(text, ZoneInfo("Etc/GMT+12"))
