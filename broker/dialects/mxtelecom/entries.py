"""What a zip says it holds, believed only as far as its bytes bear it out; nothing is unpacked here."""

import io
import stat
import struct
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from broker.errors import InvalidField

LOCAL, CENTRAL, END, LOCATOR = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x07"
_LOCAL_SIZE, _CENTRAL_SIZE, _END_SIZE, _LOCATOR_SIZE = 30, 46, 22, 20
_COMMENT = 1024
"""Most bytes of a comment at the end."""
_STREAMED, _UTF_8 = 0x8, 0x800
_REFUSED = 0x1 | 0x20 | 0x40 | 0x2000
"""Flags of entries that are encrypted, a patch, strongly encrypted, or have their names hidden."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)
_HUGE = 0xFFFFFFFF
_UNREADABLE = (zipfile.BadZipFile, ValueError, struct.error, NotImplementedError, LookupError, OverflowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a zip is taken: sizes in bytes, names in characters.

    `ratio` is of unpacked to packed bytes, and holds once 64 KiB were unpacked.
    """

    packed: int = 1024 * 1024
    unpacked: int = 3 * 1024 * 1024
    part: int = 3 * 512 * 1024
    entries: int = 32
    directory: int = 64 * 1024
    ratio: int = 100
    name: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a zip: its name in NFC, where its packed bytes lie, and what is promised of them."""

    name: str
    begins: int
    packed: int
    deflated: bool
    size: int
    crc: int


def entries(data: bytes, limits: Limits) -> tuple[Entry, ...]:
    """Return the files of a zip in its order; folders and the litter of file managers are passed over.

    Raises:
        InvalidField: it is no zip as people send them; the text says why, and repeats no name.
    """
    if len(data) > limits.packed:
        raise InvalidField(f"the zip has more than {limits.packed} bytes")
    if not data.startswith(LOCAL):
        raise InvalidField("it is not a zip, or an empty one")
    directory = _directory(data, limits)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            infos = opened.infolist()
        begins = _begins(data, infos, directory)
    except _UNREADABLE as error:
        raise InvalidField("the zip cannot be read") from error
    if sum(info.file_size for info in infos) > limits.unpacked:
        raise InvalidField(f"the zip holds more than {limits.unpacked} bytes")
    names = [_name(info, limits) for info in infos]
    if len({name.casefold() for name in names}) < len(names):
        raise InvalidField("a name is in the zip twice")
    return tuple(
        _entry(name, info, begins[info.header_offset])
        for name, info in zip(names, infos, strict=True)
        if not _is_litter(name)
    )


def _directory(data: bytes, limits: Limits) -> int:
    """Count the entries before anybody makes anything of them; return where the central directory begins."""
    at = data.rfind(END, max(0, len(data) - _END_SIZE - _COMMENT))
    if at < 0 or at + _END_SIZE > len(data):
        raise InvalidField("the zip has no end")
    disk, first_disk, here, count, size, offset, comment = struct.unpack_from("<4H2LH", data, at + 4)
    if at + _END_SIZE + comment != len(data):
        raise InvalidField("the zip is followed by something else")
    if data.startswith(LOCATOR, max(0, at - _LOCATOR_SIZE)) or offset == _HUGE:
        raise InvalidField("the zip is of the kind for huge files")
    if disk or first_disk or here != count:
        raise InvalidField("the zip is one of several")
    if count > limits.entries or size > limits.directory:
        raise InvalidField(f"the zip has more than {limits.entries} files")
    if offset + size != at or _counted(data, offset, at) != count:
        raise InvalidField("the zip does not agree with itself")
    return int(offset)


def _counted(data: bytes, at: int, end: int) -> int:
    """Return how many entries a central directory has; -1 where it is not full of them."""
    count = 0
    while at + _CENTRAL_SIZE <= end and data.startswith(CENTRAL, at):
        at += _CENTRAL_SIZE + sum(struct.unpack_from("<3H", data, at + 28))
        count += 1
    return count if at == end else -1


def _begins(data: bytes, infos: Sequence[zipfile.ZipInfo], directory: int) -> dict[int, int]:
    """Return where the bytes of each entry begin, by where its header does; no two may share any."""
    begins: dict[int, int] = {}
    free = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset < free:
            raise InvalidField("files of the zip overlap")
        begins[info.header_offset] = begun = _after_header(data, info)
        free = begun + info.compress_size
    if min(begins, default=0) or free > directory:
        raise InvalidField("the zip does not agree with itself")
    return begins


def _after_header(data: bytes, info: zipfile.ZipInfo) -> int:
    """Return where an entry's bytes begin, if its own header says what the directory says."""
    at = info.header_offset
    _, flags, method, _, _, crc, packed, size, name, extra = struct.unpack_from("<5H3L2H", data, at + 4)
    begins = at + _LOCAL_SIZE + name
    called = data[at + _LOCAL_SIZE : begins].decode("utf-8" if flags & _UTF_8 else "cp437")
    promised = (crc, packed, size)
    is_same = promised == (info.CRC, info.compress_size, info.file_size)
    is_later = flags & _STREAMED and promised == (0, 0, 0)
    if not (
        data.startswith(LOCAL, at)
        and flags == info.flag_bits
        and method == info.compress_type
        and called == info.orig_filename
        and (is_same or is_later)
    ):
        raise InvalidField("the zip does not agree with itself")
    return int(begins + extra)


def _name(info: zipfile.ZipInfo, limits: Limits) -> str:
    """Return the name of an entry that is a plain file or folder."""
    if info.flag_bits & _REFUSED:
        raise InvalidField("a file of the zip is encrypted")
    if info.compress_type not in _METHODS:
        raise InvalidField("a file of the zip is packed in a way that is not taken")
    if stat.S_IFMT(info.external_attr >> 16) not in _KINDS:
        raise InvalidField("the zip holds a link or a device")
    if _HUGE in (info.file_size, info.compress_size):
        raise InvalidField("the zip is of the kind for huge files")
    name = unicodedata.normalize("NFC", info.orig_filename)
    steps = name.rstrip("/").split("/")
    if not 0 < len(name) <= limits.name or "\\" in name or ":" in name or not name.isprintable():
        raise InvalidField("a name in the zip cannot be used")
    if any(step in ("", ".", "..") for step in steps):
        raise InvalidField("a name in the zip leads elsewhere")
    return name


def _is_litter(name: str) -> bool:
    return name.endswith("/") or name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _entry(name: str, info: zipfile.ZipInfo, begins: int) -> Entry:
    if "/" in name:
        raise InvalidField("the zip has files in folders")
    return Entry(
        name=name,
        begins=begins,
        packed=info.compress_size,
        deflated=info.compress_type == zipfile.ZIP_DEFLATED,
        size=info.file_size,
        crc=info.CRC,
    )
