"""Java's properties files, as `java.util.Properties` reads and writes them."""

import re
from collections.abc import Iterable, Iterator

_BLANK = " \t\f"
_LINE = re.compile(r"\r\n|\r|\n")
_PAIR = re.compile(r"((?:[^\\=: \t\f]|\\.)*)[ \t\f]*[=:]?[ \t\f]*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_BROKEN = re.compile(r"\\u(?![0-9A-Fa-f]{4})")
_PAIRED = re.compile(r"\\\\")
_SPECIAL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ODD_KEY = re.compile(r"[\\=:#! ]|[^\x20-\x7e]")
_ODD_VALUE = re.compile(r"\\|^ |[^\x20-\x7e]")


def read(data: bytes) -> dict[str, str]:
    r"""Return keys and values in the order of their first mention; of a key that is there twice the last value holds.

    `#` and `!` begin comments, `=`, `:` or a blank end a key, a backslash at the end joins the next line, `\uXXXX` is a
    UTF-16 unit. The bytes are ISO-8859-1 by the book; what is valid UTF-8 is read as that, since people write it.

    Raises:
        ValueError: an escape is broken.
    """
    found: dict[str, str] = {}
    for line in _logical(_LINE.split(_decode(data))):
        match = _PAIR.fullmatch(line)
        if match is None:  # a lone backslash ends the key
            raise ValueError("a line cannot be read")
        found[_plain(match[1])] = _plain(match[2])
    return found


def write(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Return a file with these pairs, in this order, in pure ASCII."""
    lines = [f"{_ODD_KEY.sub(_escape, key)}={_ODD_VALUE.sub(_escape, value)}\n" for key, value in pairs]
    return "".join(lines).encode("ascii")


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _logical(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines that say something, with those that were cut by a backslash in one piece."""
    pieces: list[str] = []
    for natural in lines:
        line = natural.lstrip(_BLANK)
        if not pieces and (not line or line[0] in "#!"):
            continue
        goes_on = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        pieces.append(line[:-1] if goes_on else line)
        if not goes_on:
            yield "".join(pieces)
            pieces.clear()
    if pieces:
        yield "".join(pieces)


def _plain(text: str) -> str:
    if _BROKEN.search(_PAIRED.sub("", text)):
        raise ValueError("a \\u is not followed by four hexadecimal digits")
    units = _ESCAPE.sub(_unit, text)
    # Two escapes may stand for one character; half of one is no text.
    return units.encode("utf-16", "surrogatepass").decode("utf-16")


def _unit(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _SPECIAL.get(match[2], match[2])


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if " " <= char <= "~":
        return f"\\{char}"
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[at : at + 2].hex().upper()}" for at in range(0, len(units), 2))
