"""What a part is, told by its bytes before its label."""

import re

from broker.domain.content_type import CARRIED, OCTETS, PLAIN, SMIL, by_name, canonical
from broker.domain.filename import safe_name
from broker.domain.message import PartKind
from broker.errors import MediaWrongType

__all__ = ["HEAD", "kind_of", "safe_name", "settle", "sniff"]

HEAD = 4096
"""How many of a part's first bytes are enough to tell its type."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"#!AMR", "audio/amr"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"OggS", "audio/ogg"),
    (b"MThd", "audio/midi"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\x7fELF", "application/x-executable"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_FRAMES = (
    # MPEG audio: layer 3, a bit rate that exists. AAC: ADTS. Bitmap: reserved bytes, a known header length.
    (re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x00-\xef]", re.DOTALL), "audio/mpeg"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]", re.DOTALL), "audio/aac"),
    (re.compile(rb"BM.{4}\0{4}.{4}[\x0c(l|]\0{3}", re.DOTALL), "image/bmp"),
)
_BRANDS = (
    (b"3gp", "video/3gpp"),
    (b"3g2", "video/3gpp2"),
    (b"qt  ", "video/quicktime"),
    (b"M4A", "audio/mp4"),
    (b"hei", "image/heic"),
    (b"hev", "image/heic"),
    (b"mif1", "image/heic"),
    (b"msf1", "image/heic"),
    (b"avi", "image/avif"),
)
_CARDS = ((b"begin:vcard", "text/vcard"), (b"begin:vcalendar", "text/calendar"))
_ROOT = re.compile(rb"<([A-Za-z_][\w.\-]*:)?([A-Za-z][\w.\-]*)")
_ROOTS = {b"smil": SMIL, b"svg": "image/svg+xml"}
_HTML = frozenset(b"html head body script iframe meta title style object embed form img a".split())
_BOM = b"\xef\xbb\xbf"
_UNSIGNED = frozenset({PLAIN, SMIL})
"""Types that bytes need not show; of any other, a label alone does not make a part one."""


def sniff(data: bytes) -> str | None:
    """Return the type that a part's first bytes show (HEAD of them are enough), or None where they show none.

    It may be a type that we do not carry, such as `text/html`: ask `settle` for a decision.
    """
    for magic, known in _MAGIC:
        if data.startswith(magic):
            return known
    return _container(data) or _frame(data) or _markup(data)


def _container(data: bytes) -> str | None:
    """Look into RIFF and ISO media files, whose kind is a few bytes in."""
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12])
    if data[4:8] != b"ftyp":
        return None
    return next((known for brand, known in _BRANDS if data[8:12].startswith(brand)), "video/mp4")


def _frame(data: bytes) -> str | None:
    """Check the fields behind signatures too short to be trusted alone."""
    return next((known for frame, known in _FRAMES if frame.match(data)), None)


def _markup(data: bytes) -> str | None:
    """Name what text files say they are in their first line, or by their root element."""
    text = data[:HEAD].removeprefix(_BOM).lstrip()
    lowered = text[:16].lower()
    for opening, known in _CARDS:
        if lowered.startswith(opening):
            return known
    return _rooted(text) if text.startswith(b"<") else None


def _rooted(text: bytes) -> str | None:
    """Skip declaration, comments and document type, then look at the root element."""
    is_xml = text.startswith(b"<?xml")
    while text.startswith((b"<?", b"<!")):
        if text[:14].lower() == b"<!doctype html":
            return "text/html"
        comment = text.startswith(b"<!--")
        text = text.partition(b"-->" if comment else b">")[2].lstrip()
    found = _ROOT.match(text)
    if found is None:
        return "application/xml" if is_xml else None
    name = found[2].lower()
    if name in _HTML:
        return "text/html"
    return _ROOTS.get(name, "application/xml" if is_xml else None)


def settle(data: bytes, declared: str, name: str = "") -> str:
    """Return the type of a part: by its bytes, else as declared, else by its extension.

    Raises:
        MediaWrongType: it is of no type we carry, or its bytes do not bear out the label.
    """
    shown = sniff(data)
    label = canonical(declared)
    if label in ("", OCTETS, "binary/octet-stream", "application/xml", "text/xml"):
        label = by_name(name) or label
    if shown is not None:
        chosen = _closer(shown, label)
    elif label == PLAIN and not _is_text(data):
        raise MediaWrongType("labelled as text, but the bytes are none")
    elif label in CARRIED - _UNSIGNED:
        raise MediaWrongType(f"labelled {label}, but the bytes do not show it")
    else:
        chosen = label
    if chosen not in CARRIED:
        raise MediaWrongType(f"of type {chosen or 'unknown'}, which is not carried")
    return chosen


def _closer(shown: str, label: str) -> str:
    """Return the label where it only says more about the same container than the bytes do."""
    finer = {
        "video/mp4": ("audio/mp4",),
        "video/3gpp": ("audio/3gpp",),
        "text/calendar": ("text/x-vcalendar",),
    }
    return label if label in finer.get(shown, ()) else shown


def _is_text(data: bytes) -> bool:
    """Say whether bytes read as text: UTF-8, or UTF-16 with its mark, as phones write it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return b"\0" not in data


def kind_of(content_type: str, name: str, data: bytes = b"") -> PartKind:
    """Return what a part is for. Given its bytes, an `.xml` is a layout only if its root is `smil`."""
    known = canonical(content_type)
    lowered = name.lower()
    if known == SMIL or lowered.endswith((".smil", ".smi")):
        return PartKind.LAYOUT
    # Some phones name their layout .xml; nothing else that we carry is called that.
    if lowered.endswith(".xml") and (not data or sniff(data) == SMIL):
        return PartKind.LAYOUT
    return PartKind.TEXT if known == PLAIN else PartKind.MEDIA
