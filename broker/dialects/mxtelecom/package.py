"""MX Telecom's zip: a manifest that names each part and its type, and the parts (sheet mxtelecom, section 4)."""

import io
import re
import unicodedata
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

from broker.dialects.mxtelecom import properties
from broker.dialects.mxtelecom.archive import Archive
from broker.dialects.mxtelecom.entries import Limits
from broker.domain.content_type import PLAIN, SMIL, by_name, canonical
from broker.domain.filename import distinct, safe_name
from broker.domain.layout import UNREADABLE, sources
from broker.domain.media import settle
from broker.domain.message import PartKind
from broker.errors import InvalidField, MediaWrongType

MANIFEST = "manifest"
MANIFEST_LIMIT = 64 * 1024
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(\s*;.*)?", re.DOTALL)
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part of a package, with its checked type."""

    name: str
    content_type: str
    data: bytes
    kind: PartKind = PartKind.MEDIA


def unpack(data: bytes, *, strict: bool = True, limits: Limits | None = None) -> tuple[Piece, ...]:
    """Return the parts of a package in the order of its manifest, all in memory.

    Strict, the manifest names every file, and its layout can be read. Otherwise files that it does not name are
    passed over, types that are missing come from extensions, and without a manifest the zip's own order holds.

    Raises:
        InvalidField: it is no such package; the text says why, and repeats no name.
    """
    archive = Archive(data, limits or Limits())
    listed = _listed(archive, strict=strict)
    pieces = tuple(
        _piece(name, content_type, archive.read(name), strict=strict) for name, content_type in listed.items()
    )
    layouts = sum(piece.kind is PartKind.LAYOUT for piece in pieces)
    if layouts > 1:
        raise InvalidField("the zip has two layouts")
    if layouts == len(pieces):
        raise InvalidField("the zip has nothing to show")
    return pieces


def pack(pieces: Sequence[Piece]) -> bytes:
    """Return a package with these parts, in this order; the same parts make the same bytes.

    Names are made safe and told apart.
    """
    names = distinct(safe_name(piece.name, piece.content_type) for piece in pieces)
    manifest = properties.write((name, piece.content_type) for name, piece in zip(names, pieces, strict=True))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        _add(archive, MANIFEST, manifest, deflated=True)
        for name, piece in zip(names, pieces, strict=True):
            _add(archive, name, piece.data, deflated=piece.kind is not PartKind.MEDIA)
    return packed.getvalue()


def _listed(archive: Archive, *, strict: bool) -> Mapping[str, str]:
    """Return the names of the parts with their types, in order."""
    names = dict.fromkeys(archive.names)
    if MANIFEST not in names:
        if strict:
            raise InvalidField("the zip has no manifest")
        return dict.fromkeys(names, "")
    del names[MANIFEST]
    try:
        manifest = properties.read(archive.read(MANIFEST, most=MANIFEST_LIMIT))
    except ValueError as error:
        raise InvalidField("the manifest cannot be read") from error
    listed: dict[str, str] = {}
    for key, value in manifest.items():
        name = unicodedata.normalize("NFC", key)
        name = name if name in names else name.strip("<>")
        if name not in names:
            raise InvalidField("the manifest names a file that is not in the zip")
        content_type = value.strip().lower()
        if not _TYPE.fullmatch(content_type) and (content_type or strict):
            raise InvalidField("the manifest gives a type that is none")
        listed[name] = content_type
    if strict and len(listed) < len(names):
        raise InvalidField("the zip has files that the manifest does not name")
    return listed


def _piece(name: str, declared: str, data: bytes, *, strict: bool) -> Piece:
    label = canonical(declared) or by_name(name)
    if not data:
        raise InvalidField("a file of the zip is empty")
    try:
        content_type = settle(data, label, name)
    except MediaWrongType as error:
        raise InvalidField(f"the zip has a file {error}") from error
    if content_type == SMIL:
        _check_layout(data, strict=strict)
        return Piece(name=name, content_type=SMIL, data=data, kind=PartKind.LAYOUT)
    if content_type == PLAIN:
        _check_text(data)
        return Piece(name=name, content_type=PLAIN, data=data, kind=PartKind.TEXT)
    return Piece(name=name, content_type=content_type, data=data)


def _check_layout(data: bytes, *, strict: bool) -> None:
    """Return if a layout does no harm, and, where that is asked for, can be read."""
    try:
        with suppress(*() if strict else (ParseError,)):
            sources(data)
    except UNREADABLE as error:
        raise InvalidField("the layout cannot be read, or has a document type or entities") from error


def _check_text(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidField("a text of the zip is not UTF-8") from error


def _add(archive: zipfile.ZipFile, name: str, data: bytes, *, deflated: bool) -> None:
    info = zipfile.ZipInfo(name, date_time=_EPOCH)
    info.external_attr = 0o644 << 16
    archive.writestr(info, data, zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
