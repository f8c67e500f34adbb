"""Numbers that people type, and numbers of rows that our own pages name."""

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
