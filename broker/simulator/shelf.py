"""The account's media store (bandwidth.md section 5)."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from broker.domain.wire import Call
from broker.simulator.exchange import Ending, Reply, refusal, says
from broker.simulator.faults import Dice, Faults

PAGE = 1000
_UPLOAD_TYPE = re.compile(
    r"application/(json|ogg|pdf|rtf|zip|x-tar|xml|gzip|x-bzip2|x-gzip|smil|javascript|octet-stream)"
    r"|audio/(mp4|mpeg|ogg|flac|webm|wav|amr|3gpp)"
    r"|image/(bmp|gif|jpeg|pjpeg|png|svg\+xml|tiff|webp|x-icon)"
    r"|text/(css|csv|calendar|plain|javascript|vcard|x-vcard|vnd\.wap\.wml|xml)"
    r"|video/(avi|mp4|mpeg|ogg|quicktime|webm|x-ms-wmv|3gpp)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One stored file."""

    content_type: str
    data: bytes


class Shelf:
    """Keep files by name until they are deleted or the state is cleared."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._broken = 0
        self.uploads = 0
        self.downloads = 0

    def keep(self, name: str, item: Item) -> None:
        """Store a file, in place of one of the same name."""
        self._items[name] = item

    def find(self, name: str) -> Item | None:
        """Return a file, without counting a download."""
        return self._items.get(name)

    def clear(self) -> None:
        """Forget all files and counts."""
        self._items.clear()
        self.uploads = self.downloads = self._broken = 0

    def renew_faults(self) -> None:
        """Start counting broken downloads anew."""
        self._broken = 0

    def handle(self, call: Call, name: str, faults: Faults, dice: Dice) -> Reply:
        """Answer a request for one file, or without a name for the list."""
        if not name and call.method == "GET":
            return self._page(call)
        if call.method == "GET":
            return self._download(name, faults)
        if call.method == "PUT" and name:
            return self._upload(call, name, faults, dice)
        if call.method == "DELETE" and name:
            self._items.pop(name, None)
            return Reply(status=HTTPStatus.NO_CONTENT)
        return refusal(405, "method-not-allowed", "The method is not allowed here.")

    def _upload(self, call: Call, name: str, faults: Faults, dice: Dice) -> Reply:
        status = dice.pick(faults.upload_errors)
        if status is not None:
            return refusal(status, "error", "The media service has a fault.")
        content_type = call.headers.get("content-type", "application/octet-stream")
        kind = content_type.partition(";")[0].strip().lower()
        if not _UPLOAD_TYPE.fullmatch(kind):
            return refusal(415, "unsupported-content-type", f"The type {kind} is not supported.")
        self.uploads += 1
        self._items[name] = Item(content_type=content_type, data=call.body)
        return Reply(status=HTTPStatus.NO_CONTENT)

    def _download(self, name: str, faults: Faults) -> Reply:
        item = self._items.get(name)
        if item is None:
            return refusal(404, "not-found", "There is no such media.")
        self.downloads += 1
        whole = Reply(
            body=item.data,
            content_type=item.content_type,
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name.rsplit('/', 1)[-1])}"},
        )
        limit = faults.broken_media_count
        if not faults.broken_media or (limit is not None and self._broken >= limit):
            return whole
        self._broken += 1
        return _broken(whole, faults.broken_media)

    def _page(self, call: Call) -> Reply:
        names = sorted(self._items)
        token = call.headers.get("continuation-token", "")
        start = int(token) if token.isascii() and token.isdigit() else 0
        page = [
            {
                "content": quote(name),
                "contentLength": len(self._items[name].data),
                "mediaName": name,
            }
            for name in names[start : start + PAGE]
        ]
        more = {"Continuation-Token": str(start + PAGE)} if start + PAGE < len(names) else {}
        return says(page, headers=more)


def _broken(whole: Reply, how: str) -> Reply:
    if how == "404":
        return refusal(404, "not-found", "There is no such media.")
    if how == "401":
        return refusal(401, "unauthorized", "The credentials were not accepted.")
    if how == "type":
        # The header still promises what was stored: only the bytes tell.
        return Reply(body=b"MZ\x90\x00" + bytes(60), content_type=whole.content_type, headers=whole.headers)
    return Reply(
        body=whole.body,
        content_type=whole.content_type,
        headers=whole.headers,
        ending=Ending.CUT if how == "cut" else Ending.SLOW,
    )
