"""Unpack files of a zip in memory, counting the bytes that come out: what the zip promises is not believed."""

import zlib

from broker.dialects.mxtelecom.entries import Limits, entries
from broker.errors import InvalidField

STEP = 64 * 1024
"""Most bytes that are unpacked between two counts."""


class Archive:
    """The files of a zip by their names; each is unpacked when it is read, and all together have one limit.

    Raises:
        InvalidField: it is no zip as people send them.
    """

    def __init__(self, data: bytes, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._room = limits.unpacked
        self._entries = {entry.name: entry for entry in entries(data, limits)}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files, in the order of the zip."""
        return tuple(self._entries)

    def read(self, name: str, *, most: int | None = None) -> bytes:
        """Return the bytes of a file.

        Raises:
            InvalidField: there are too many, or not those that the zip promises.
        """
        entry = self._entries[name]
        most = min(self._room, self._limits.part if most is None else most)
        packed = memoryview(self._data)[entry.begins : entry.begins + entry.packed]
        if entry.deflated:
            found = self._inflate(packed, most)
        else:
            _check(len(packed), most)
            found = bytes(packed)
        self._room -= len(found)
        if len(found) != entry.size or zlib.crc32(found) != entry.crc:
            raise InvalidField("a file of the zip is not what the zip says")
        return found

    def _inflate(self, packed: memoryview, most: int) -> bytes:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        found = bytearray()
        rest: bytes | memoryview = packed
        try:
            while not inflater.eof:
                piece = inflater.decompress(rest, STEP)
                rest = inflater.unconsumed_tail
                if not piece and not rest and not inflater.eof:
                    raise InvalidField("a file of the zip is cut off")
                found += piece
                _check(len(found), most)
                if len(found) > max(STEP, len(packed) * self._limits.ratio):
                    raise InvalidField("a file of the zip is packed too tightly")
        except zlib.error as error:
            raise InvalidField("a file of the zip cannot be unpacked") from error
        if inflater.unused_data:
            raise InvalidField("a file of the zip is followed by something else")
        return bytes(found)


def _check(size: int, most: int) -> None:
    if size > most:
        raise InvalidField("the zip holds more than is taken")
