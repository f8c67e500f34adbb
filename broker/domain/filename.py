"""File names: other people's, made safe to keep."""

import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from broker.domain.content_type import EXTENSIONS, canonical, extension_of

LONGEST = 80
_LONGEST_BYTES = 180
"""File systems count bytes: 80 letters of some scripts would be over their 255."""
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul"} | {f"com{n}" for n in range(1, 10)} | {f"lpt{n}" for n in range(1, 10)}
)
_LONGEST_EXTENSION = 5


def safe_name(name: str, content_type: str) -> str:
    """Return a file name that is safe on any disk, with the extension of the checked type."""
    last = name.replace("\\", "/").rpartition("/")[2]
    tidy = unicodedata.normalize("NFC", unquote(last, errors="replace"))
    tidy = "".join(c if c.isalnum() or c in "._-" else "_" for c in tidy).lstrip(".").rstrip("._")
    stem, extension = _split(tidy)
    allowed = EXTENSIONS.get(canonical(content_type), ())
    ending = extension if extension in allowed else extension_of(content_type)
    stem = _shorten(stem or "part", len(ending) + 1)
    if stem.partition(".")[0].lower() in _DEVICES:
        stem = f"_{stem}"
    return f"{stem}.{ending}"


def _split(name: str) -> tuple[str, str]:
    """Return stem and extension; what is too long or too odd to be an extension stays with the stem."""
    stem, dot, extension = name.rpartition(".")
    if dot and 0 < len(extension) <= _LONGEST_EXTENSION and extension.isascii() and extension.isalnum():
        return stem.rstrip("."), extension.lower()
    return name, ""


def _shorten(stem: str, ending: int) -> str:
    """Cut a stem so that the whole name, a device's prefix included, stays within both limits."""
    stem = stem[: LONGEST - ending - 1]
    return stem.encode()[: _LONGEST_BYTES - ending - 1].decode(errors="ignore").rstrip(".")


def distinct(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names with `-2`, `-3` added where one came before, upper and lower case being the same."""
    taken: set[str] = set()
    result = []
    for name in names:
        stem, dot, extension = name.rpartition(".")
        candidate, n = name, 1
        while candidate.casefold() in taken:
            n += 1
            candidate = f"{stem}-{n}.{extension}" if dot else f"{name}-{n}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return tuple(result)


def name_in(url: str) -> str:
    """Return the last element of a URL's path, still percent-encoded; empty when it has none."""
    try:
        return urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return ""


def attachment(name: str) -> str:
    """Return a Content-Disposition that makes browsers save a part and never show it (RFC 6266)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    value = f'attachment; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"
