"""A journal on disk: who adds a line goes on only when it is there to stay."""

import asyncio
import os
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """Lines of JSON in one file; callers that wait together share a sync."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._waiting: list[bytes] = []
        self._turn = asyncio.Lock()

    async def write(self, line: dict[str, Any]) -> None:
        """Add a line, and return once it is on disk."""
        self.note(line)
        async with self._turn:
            if self._waiting:
                await asyncio.to_thread(self._sync, self._taken())

    def note(self, line: dict[str, Any]) -> None:
        """Add a line that goes to disk with the next one that is waited for, or at the end."""
        self._waiting.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Write what waits, and close the file."""
        self._sync(self._taken())
        os.close(self._file)

    def _taken(self) -> bytes:
        lines = b"".join(self._waiting)
        self._waiting.clear()
        return lines

    def _sync(self, lines: bytes) -> None:
        os.write(self._file, lines)
        os.fdatasync(self._file)
