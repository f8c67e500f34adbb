"""One message: what happened to it, what was said, what is in it for those who may read that."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.headers import PRIVATE
from broker.console.messages import LIST
from broker.console.pages import Pages
from broker.console.timeline import timeline
from broker.console.visit import Visit
from broker.domain.ids import is_id
from broker.domain.operator import Role
from broker.errors import NotFound
from broker.log import get_logger
from broker.services.browse import Browse
from broker.services.thumbnail import thumbnail

T = TypeVar("T")
log = get_logger()

_CONTENT = {**PRIVATE, "Content-Security-Policy": "default-src 'none'; sandbox"}
"""What customers and strangers wrote must never run as a page of ours."""
_LONGEST_INDEX = 6


class OneMessage:
    """Shows a message. Text, pictures and whole numbers are shown when somebody asks for them, and that is noted."""

    def __init__(self, pages: Pages, browse: Browse, executor: Executor, *, attachments: Path) -> None:
        self._pages = pages
        self._browse = browse
        self._executor = executor
        self._attachments = attachments

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{id}}"
        return [
            *gate.get(one, self.show),
            *gate.post(f"{one}/reveal", self.reveal, needs=Role.CONTENT),
            *gate.get(f"{one}/parts/{{index}}", self.part, needs=Role.CONTENT),
            *gate.get(f"{one}/parts/{{index}}/thumbnail", self.thumbnail, needs=Role.CONTENT),
        ]

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/{id}`."""
        return await self._page(visit, shown=False)

    async def reveal(self, visit: Visit) -> web.Response:
        """Answer `POST /console/messages/{id}/reveal`."""
        page = await self._page(visit, shown=True)
        log.warning("content_revealed", operator=visit.operator.name, message_id=visit.pieces["id"])
        return page

    async def part(self, visit: Visit) -> web.StreamResponse:
        """Answer `GET /console/messages/{id}/parts/{index}`: the file, to be kept and not shown."""
        path, content_type = await self._file(visit)
        log.warning("part_fetched", operator=visit.operator.name, message_id=visit.pieces["id"])
        name = quote(path.name)
        headers = {
            **_CONTENT,
            "Content-Type": content_type,
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        }
        return web.FileResponse(path, headers=headers)

    async def thumbnail(self, visit: Visit) -> web.Response:
        """Answer `GET /console/messages/{id}/parts/{index}/thumbnail`."""
        path, _ = await self._file(visit)
        picture = await self._run(partial(thumbnail, path))
        return web.Response(body=picture, headers={**_CONTENT, "Content-Type": "image/png"})

    async def _page(self, visit: Visit, *, shown: bool) -> web.Response:
        whole = await self._browse.one(_id(visit))
        return await self._pages.show(
            visit,
            "message.html",
            whole=whole,
            message=whole.record.message,
            steps=timeline(whole),
            shown=shown,
            may_read=visit.may(Role.CONTENT),
        )

    async def _file(self, visit: Visit) -> tuple[Path, str]:
        index = visit.pieces["index"]
        if not (index.isascii() and index.isdigit() and len(index) <= _LONGEST_INDEX):
            raise NotFound("there is no such part")
        part = await self._browse.part(_id(visit), int(index))
        path = await self._run(partial(_within, Path(part.path or ""), self._attachments))
        if path is None:
            raise NotFound("there is no such file any more")
        return path, part.content_type or "application/octet-stream"

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _id(visit: Visit) -> str:
    if not is_id(visit.pieces["id"]):
        raise NotFound("there is no such message")
    return visit.pieces["id"]


def _within(path: Path, folder: Path) -> Path | None:
    """Return a file that truly lies below a folder."""
    real = path.resolve()
    return real if real.is_relative_to(folder.resolve()) and real.is_file() else None
