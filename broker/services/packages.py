"""Open the zip that a draft brings, or names by a URL, and make its content the draft's."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager

from broker.dialects.base import TEXT_LIMIT
from broker.dialects.mxtelecom.entries import Limits
from broker.dialects.mxtelecom.package import Piece, unpack
from broker.domain.draft import Draft, MediaRef
from broker.domain.message import PartKind
from broker.domain.value import replace
from broker.domain.wire import Request
from broker.errors import Busy, InvalidField, MediaError, NotAuthorised
from broker.net.download import download
from broker.net.plain import AiohttpClient
from broker.settings import Settings

REDIRECTS = 3
_SHARE = 4
"""One account may have one part in so many of all downloads."""


class Packages:
    """Opens packages for the ingress: fetched on the loop, unpacked on a thread, in memory alone.

    `client` goes where customers' URLs may lead. Lives on one loop.
    """

    def __init__(self, settings: Settings, client: AiohttpClient, executor: Executor) -> None:
        self._settings = settings
        self._client = client
        self._executor = executor
        self._fetching: Counter[str] = Counter()
        self._limits = Limits(
            packed=settings.package_limit,
            unpacked=min(settings.package_content_limit, settings.media_message_limit),
            part=min(settings.package_content_limit // 2, settings.media_part_limit),
            entries=settings.package_files,
        )

    async def opened(self, draft: Draft, account: str) -> Draft:
        """Return the draft with its package's content in the package's place; it has one.

        Raises:
            InvalidField: the package cannot be had, or is none that is taken.
            Busy: too many are being fetched.
        """
        data = draft.package
        if data is None:
            data = await self._fetched(draft.package_url or "", account)
        loop = asyncio.get_running_loop()
        try:
            pieces = await loop.run_in_executor(self._executor, self._unpacked, data)
        except InvalidField as error:
            error.pointer = "/url" if draft.package is None else "/mms.zip"
            raise
        text, shown = inlined(pieces)
        media = tuple(
            MediaRef(data=piece.data, content_type=piece.content_type, name=piece.name, pointer="/mms.zip")
            for piece in shown
        )
        return replace(draft, text=text, media=media, package=None, package_url=None)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()

    def _unpacked(self, data: bytes) -> tuple[Piece, ...]:
        return unpack(data, strict=self._settings.package_strict, limits=self._limits)

    async def _fetched(self, url: str, account: str) -> bytes:
        data = bytearray()
        request, seconds = Request(method="GET", url=url), self._settings.package_fetch_s
        with self._turn(account):
            try:
                async with asyncio.timeout(seconds):
                    await download(
                        self._client,
                        request,
                        data.extend,
                        limit=self._limits.packed,
                        timeout_s=seconds,
                        redirects=REDIRECTS,
                    )
            except (MediaError, NotAuthorised, TimeoutError) as error:
                raise InvalidField("the zip cannot be fetched from its URL", pointer="/url") from error
        return bytes(data)

    @contextmanager
    def _turn(self, account: str) -> Iterator[None]:
        most = self._settings.package_fetches
        if self._fetching.total() >= most or self._fetching[account] >= max(1, most // _SHARE):
            raise Busy("too many zips are being fetched")
        self._fetching[account] += 1
        try:
            yield
        finally:
            self._fetching[account] -= 1
            if not self._fetching[account]:
                del self._fetching[account]


def inlined(pieces: Sequence[Piece]) -> tuple[str, tuple[Piece, ...]]:
    """Return the text of a message, and what it shows beside it.

    A layout says itself where texts belong. Without one they become the message's text, in their order, a line each,
    as far as they fit; but a message of texts alone keeps them as its parts, for without any it would be no MMS.
    """
    kinds = {piece.kind for piece in pieces}
    if PartKind.LAYOUT in kinds or PartKind.MEDIA not in kinds:
        return "", tuple(pieces)
    lines: list[str] = []
    shown: list[Piece] = []
    full = False
    for piece in pieces:
        line = (
            piece.data.decode("utf-8-sig").replace("\r\n", "\n").strip("\n")
            if piece.kind is PartKind.TEXT
            else ""
        )
        full = full or "\0" in line or len("\n".join((*lines, line))) > TEXT_LIMIT
        if piece.kind is not PartKind.TEXT or full:
            shown.append(piece)
        elif line:
            lines.append(line)
    return "\n".join(lines), tuple(shown)
