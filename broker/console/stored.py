"""The file of a part that an address names, if there is one below the attachments."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TypeVar

from broker.console.visit import Visit
from broker.domain.ids import is_id
from broker.domain.layout import LONGEST
from broker.domain.message import Part
from broker.errors import NotFound
from broker.services.browse import Browse

T = TypeVar("T")
_LONGEST_INDEX = 6


class Stored:
    """Finds files by message and index, and works on them off the loop."""

    def __init__(self, browse: Browse, executor: Executor, *, attachments: Path) -> None:
        self._browse = browse
        self._executor = executor
        self._attachments = attachments

    async def part(self, visit: Visit) -> tuple[Part, Path]:
        """Return the part that `{id}` and `{index}` of a path name, and where its bytes are.

        Raises:
            NotFound: there is none, or its file is gone or lies elsewhere.
        """
        part = await self._browse.part(message_id(visit), index(visit))
        path = await self.run(partial(_within, Path(part.path or ""), self._attachments))
        if path is None:
            raise NotFound("there is no such file any more")
        return part, path

    def bytes_of(self, part: Part) -> bytes:
        """Return what a part holds, of its first 64 KiB. For threads; raises OSError where it is not there."""
        path = _within(Path(part.path), self._attachments) if part.path else None
        if path is None:
            raise FileNotFoundError(part.name)
        with path.open("rb") as file:
            return file.read(LONGEST + 1)

    async def run(self, work: Callable[[], T]) -> T:
        """Do on a thread what reads files."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def message_id(visit: Visit) -> str:
    """Return the id of a message in a path; raises NotFound where it is none."""
    if not is_id(visit.pieces["id"]):
        raise NotFound("there is no such message")
    return visit.pieces["id"]


def index(visit: Visit) -> int:
    """Return the number of a part in a path; raises NotFound where it is none."""
    text = visit.pieces["index"]
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_INDEX):
        raise NotFound("there is no such part")
    return int(text)


def _within(path: Path, folder: Path) -> Path | None:
    """Return a file that truly lies below a folder."""
    real = path.resolve()
    return real if real.is_relative_to(folder.resolve()) and real.is_file() else None
