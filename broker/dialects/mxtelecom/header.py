"""The user data header of an SMS: which part of a longer text it is (3GPP TS 23.040, 9.2.3.24; sheet 8.1)."""

import re
from collections.abc import Iterator

from broker.errors import InvalidField

POINTER = "/smsudh"
LONGEST = 140
"""Most bytes of an SMS, and so of its header."""
CONCATENATED = {0x00: 3, 0x08: 4}
"""Lengths of the elements that say which part of a text an SMS is, by their number: the last two bytes are how many
parts there are, and which one it is; what stands before is the same in all of them."""
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def read_header(text: str) -> str:
    """Return a header in capital letters. Only what tells parts apart may be in it: no carrier of ours takes more.

    Raises:
        InvalidField: it cannot be read, or holds anything else.
    """
    if not _HEX.fullmatch(text):
        raise _wrong("is not hexadecimal")
    header = bytes.fromhex(text)
    if len(header) > LONGEST or header[0] != len(header) - 1:
        raise _wrong("does not have the length that it says")
    for number, data in list(_elements(header)):
        if number not in CONCATENATED:
            raise _wrong(
                f"holds the element {number:02X}, which no carrier takes; only 00 and 08 may be there"
            )
        if len(data) != CONCATENATED[number] or not 1 <= data[-1] <= data[-2]:
            raise _wrong(f"holds an element {number:02X} that numbers no part")
    return text.upper()


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    at = 1
    while at < len(header):
        data = header[at + 2 : at + 2 + header[at + 1]] if at + 1 < len(header) else b""
        if at + 1 >= len(header) or len(data) < header[at + 1]:
            raise _wrong("ends within an element")
        yield header[at], data
        at += 2 + len(data)


def _wrong(detail: str) -> InvalidField:
    return InvalidField(detail, pointer=POINTER)
