"""Every create request as it was received, in memory and where asked on disk."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import orjson

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One create request. `id` is the simulator's for what it took, `outcome` what became of it.

    The body is kept as it came and read when it is shown, which spares the create path most of the work.
    """

    number: int
    at: str
    id: str | None
    raw: bytes
    status: int
    outcome: str

    def shown(self) -> dict[str, Any]:
        """Return the entry as the journal shows it; of a refused body only what has the right type."""
        try:
            body = orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            body = {}
        text = _typed(body, "text", str)
        return {
            "number": self.number,
            "at": self.at,
            "id": self.id,
            "tag": _typed(body, "tag", str),
            "to": _typed(body, "to", list),
            "from": _typed(body, "from", str),
            "media": _typed(body, "media", list),
            "text": text,
            "text_length": len(text),
            "priority": _typed(body, "priority", str),
            "expiration": _typed(body, "expiration", str),
            "status": self.status,
            "outcome": self.outcome,
        }


def _typed(body: Any, name: str, kind: type[T]) -> T:
    value = body.get(name) if isinstance(body, dict) else None
    return value if isinstance(value, kind) else kind()


class Journal:
    """Keep entries in order. With a file, `settle` returns once everything added so far is on disk."""

    def __init__(self, path: Path | None = None) -> None:
        self._entries: list[Entry] = []
        self._base = 0
        self._unwritten: list[Entry] = []
        self._turn = asyncio.Lock()
        self._file: int | None = None
        if path is not None:
            self._read(path)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @property
    def on_disk(self) -> bool:
        """Say whether entries are written to a file."""
        return self._file is not None

    @property
    def next_number(self) -> int:
        """The number of the next entry; numbers start at 1."""
        return self._base + len(self._entries) + 1

    @property
    def entries(self) -> list[Entry]:
        """All entries since the last clearing, oldest first."""
        return self._entries

    def add(self, *, at: str, id: str | None, raw: bytes, status: int, outcome: str) -> None:  # noqa: A002
        """Add an entry."""
        entry = Entry(number=self.next_number, at=at, id=id, raw=raw, status=status, outcome=outcome)
        self._entries.append(entry)
        if self._file is not None:
            self._unwritten.append(entry)

    async def settle(self) -> None:
        """Write and sync what was added; requests that wait together share one sync."""
        async with self._turn:
            if self._unwritten:
                lines = b"".join(
                    orjson.dumps(entry.shown(), option=orjson.OPT_APPEND_NEWLINE) for entry in self._unwritten
                )
                self._unwritten.clear()
                await asyncio.to_thread(self._sync, lines)

    def after(self, number: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries that follow `number`."""
        start = max(0, number - self._base)
        return self._entries[start : start + limit]

    def clear(self) -> None:
        """Forget the entries in memory; the file keeps its lines and the numbers go on."""
        self._base += len(self._entries)
        self._entries = []

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _sync(self, lines: bytes) -> None:
        assert self._file is not None
        os.write(self._file, lines)
        os.fdatasync(self._file)

    def _read(self, path: Path) -> None:
        """Take up where an earlier run of the same file was killed; a half line at the end is dropped."""
        if not path.exists():
            return
        whole, _, half = path.read_bytes().rpartition(b"\n")
        if half:
            os.truncate(path, len(whole) + (1 if whole else 0))
        for line in whole.splitlines():
            known = orjson.loads(line)
            names = ("tag", "to", "from", "media", "text", "priority", "expiration")
            raw = orjson.dumps({name: known[name] for name in names if name in known})
            kept = {name: known[name] for name in ("number", "at", "id", "status", "outcome")}
            self._entries.append(Entry(raw=raw, **kept))
        if self._entries:
            self._base = self._entries[0].number - 1
