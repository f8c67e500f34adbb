"""Numbers and times that people type, and numbers of rows that our own pages name."""

from datetime import UTC, datetime

from broker.errors import InvalidField

_LONGEST = 18
COUNTRY = "US"
"""Where a number is from that was typed without a prefix."""


def row_number(text: str) -> int:
    """Return the number of a row; 0 where nothing is given.

    Raises:
        InvalidField: it is none.
    """
    if text and not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise InvalidField("the page is not one of this list")
    return int(text or "0")


def moment(text: str) -> datetime | None:
    """Return a time as browsers' fields for it say it, in UTC; None where nothing is given.

    Raises:
        InvalidField: it is none.
    """
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidField("a time has a value that cannot be used") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
