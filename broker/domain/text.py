"""How many segments an SMS text takes (3GPP TS 23.038, TS 23.040)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM = _BASIC | _EXTENSION

_STRAIGHT = str.maketrans(
    {
        0x2018: "'",
        0x2019: "'",
        0x201A: "'",
        0x201C: '"',
        0x201D: '"',
        0x201E: '"',
        0x2010: "-",
        0x2011: "-",
        0x2013: "-",
        0x2014: "-",
        0x2026: "...",
        0x00A0: " ",
    }
)


class Alphabet(StrEnum):
    """How the characters of an SMS are written down."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


SINGLE = {Alphabet.GSM7: 160, Alphabet.UCS2: 70}
"""What fits into one segment, in septets or in UTF-16 units."""
EACH = {Alphabet.GSM7: 153, Alphabet.UCS2: 67}
"""What fits into each of several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """A text as an SMS. `length` is in septets (GSM-7) or UTF-16 units (UCS-2)."""

    alphabet: Alphabet
    length: int
    parts: int


def segments(text: str) -> Segmentation:
    """Return how a text is cut up; one character outside GSM-7 makes all of it UCS-2."""
    used = set(text)
    if used <= _GSM:
        alphabet = Alphabet.GSM7
        has_pairs = not used.isdisjoint(_EXTENSION)
        widths = (2 if character in _EXTENSION else 1 for character in text)
    else:
        alphabet = Alphabet.UCS2
        has_pairs = max(used) > "\uffff"
        widths = (2 if character > "\uffff" else 1 for character in text)
    if not has_pairs:
        length = len(text)
        parts = 1 if length <= SINGLE[alphabet] else -(-length // EACH[alphabet])
        return Segmentation(alphabet=alphabet, length=length, parts=parts)
    return _pack(alphabet, widths)


def _pack(alphabet: Alphabet, widths: Iterable[int]) -> Segmentation:
    """Fill segment after segment, never splitting a pair (escape and character, or two surrogates)."""
    room = EACH[alphabet]
    length = filled = 0
    parts = 1
    for width in widths:
        length += width
        filled += width
        if filled > room:
            parts += 1
            filled = width
    return Segmentation(alphabet=alphabet, length=length, parts=1 if length <= SINGLE[alphabet] else parts)


def outside(text: str) -> tuple[str, ...]:
    """Return the characters that GSM-7 has not, each once, in their order: one of them halves what a segment holds."""
    return tuple(dict.fromkeys(character for character in text if character not in _GSM))


def cut(text: str, *, marks: str = "") -> tuple[str, ...]:
    """Return the text in pieces that each fit into one segment, with `marks` wherever a piece has a neighbour."""
    if segments(text).parts == 1:
        return (text,)
    alphabet = segments(text).alphabet
    pieces: list[str] = []
    rest = text
    while rest:
        before = marks if pieces else ""
        if _width(before + rest, alphabet) <= SINGLE[alphabet]:
            pieces.append(before + rest)
            break
        end = _fitting(rest, SINGLE[alphabet] - _width(before + marks, alphabet), alphabet)
        pieces.append(before + rest[:end] + marks)
        rest = rest[end:]
    return tuple(pieces)


def _fitting(text: str, room: int, alphabet: Alphabet) -> int:
    """Return how many characters fit into `room` septets or UTF-16 units."""
    for end, character in enumerate(text):
        room -= _width(character, alphabet)
        if room < 0:
            return end
    return len(text)


def _width(text: str, alphabet: Alphabet) -> int:
    if alphabet is Alphabet.GSM7:
        return len(text) + sum(character in _EXTENSION for character in text)
    return len(text) + sum(character > "\uffff" for character in text)


def straighten(text: str) -> str:
    """Return the text with typographic quotes, dashes, dots and blanks as GSM-7 has them."""
    return text.translate(_STRAIGHT)
