"""Stored media for whoever has a signed link."""

import asyncio
import time
from concurrent.futures import Executor
from pathlib import Path

from aiohttp import web

from broker.domain.links import resolve
from broker.errors import NotFound
from broker.ingress.router import PIECES
from broker.settings import Settings

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Disposition": "attachment",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
}
"""What customers and strangers uploaded must never run as a page of ours."""


class Media:
    """Streams files below MMSAttachments and the uploads, and no others."""

    def __init__(self, settings: Settings, executor: Executor) -> None:
        self._folders = (settings.attachments, settings.uploads)
        self._secret_key = settings.secret_key.get_secret_value()
        self._executor = executor

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer `GET /media/{token}`; what follows the token is only a name.

        Raises:
            NotFound: the link is not ours or has expired, or the file is gone.
        """
        linked = resolve(
            request[PIECES]["token"], folders=self._folders, secret_key=self._secret_key, now=time.time()
        )
        if not await asyncio.get_running_loop().run_in_executor(self._executor, self._is_ours, linked.path):
            raise NotFound("there is no such media")
        return web.FileResponse(
            linked.path, headers={**_SAFE, "Content-Type": linked.content_type or "application/octet-stream"}
        )

    def _is_ours(self, path: Path) -> bool:
        """Say whether it is a file that also truly lies below one of the folders."""
        real = path.resolve()
        return real.is_file() and any(real.is_relative_to(folder.resolve()) for folder in self._folders)
