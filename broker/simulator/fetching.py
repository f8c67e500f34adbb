"""Fetch the media links of a create request, as the carrier does before it delivers."""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from broker.domain.wire import Request
from broker.errors import MediaError, ProviderError
from broker.net.download import download
from broker.net.plain import AiohttpClient
from broker.simulator.events import Sent
from broker.simulator.shelf import Shelf

_TIMEOUT_S = 20.0
_KEPT = 1000
_LIMIT = 64 * 1024 * 1024


class Fetcher:
    """Bring home what links lead to, and remember what was found."""

    def __init__(self, client: AiohttpClient, shelf: Shelf, *, own: Callable[[], str]) -> None:
        self._client = client
        self._shelf = shelf
        self._own = own
        self._running: set[asyncio.Task[None]] = set()
        self.found: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def start(self, sent: Sent, then: Callable[[bool], None]) -> None:
        """Fetch all links of a message, then say whether every one was there."""
        task = asyncio.get_running_loop().create_task(self._fetch(sent, then))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self) -> None:
        """Stop fetching, and close the client."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._client.close()

    async def _fetch(self, sent: Sent, then: Callable[[bool], None]) -> None:
        fine = True
        for url in sent.media:
            status, content_type, data = await self._get(url)
            self.found.append(
                {
                    "tag": sent.body.get("tag", ""),
                    "url": url,
                    "status": status,
                    "content_type": content_type,
                    "size": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
            )
            fine = fine and status == HTTPStatus.OK
        then(fine)

    async def _get(self, url: str) -> tuple[int, str, bytes]:
        own = self._own()
        if url.startswith(own):
            item = self._shelf.find(unquote(url.removeprefix(own)))
            return (200, item.content_type, item.data) if item else (404, "", b"")
        data = bytearray()
        request = Request(method="GET", url=url)
        try:
            found = await download(self._client, request, data.extend, limit=_LIMIT, timeout_s=_TIMEOUT_S)
        except (MediaError, ProviderError) as error:
            return getattr(error, "http_status", None) or 0, "", b""
        return HTTPStatus.OK, found.content_type, bytes(data)
