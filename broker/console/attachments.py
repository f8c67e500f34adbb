"""Attachments: look through what MMSAttachments holds, message by message; look at one, send it on."""

import secrets
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.messages import LIST as MESSAGES
from broker.console.pages import Pages, go_to
from broker.console.stored import Stored, index, message_id
from broker.console.visit import ROOT, Visit
from broker.domain.ids import is_id
from broker.domain.message import PartKind, PartState
from broker.domain.operator import Role
from broker.domain.search import FileSearch
from broker.errors import InvalidField, NotFound
from broker.log import get_logger
from broker.services.browse import Browse
from broker.services.send_on import SendOn

LIST = f"{ROOT}attachments"
KINDS = {
    "image/": "pictures",
    "video/": "videos",
    "audio/": "sounds",
    "text/": "texts",
    "application/": "others",
}
_FILTERS = ("account", "type")
_LONGEST = 64
_LONGEST_TEXT = 1600
_READ = 64 * 1024

log = get_logger()


class Attachments:
    """Shows names, types and sizes to everybody, and what is in files to those who may read it."""

    def __init__(self, pages: Pages, browse: Browse, stored: Stored, send_on: SendOn) -> None:
        self._pages = pages
        self._browse = browse
        self._stored = stored
        self._send_on = send_on

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{id}}/{{index}}"
        return [
            *gate.get(LIST, self.list),
            *gate.post(f"{LIST}/reveal", self.reveal, needs=Role.CONTENT),
            *gate.get(one, self.show),
            *gate.post(f"{one}/look", self.look, needs=Role.CONTENT),
            *gate.post(f"{one}/send", self.send),
        ]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/attachments`."""
        asked = {name: visit.query[name][:_LONGEST] for name in _FILTERS if visit.query.get(name)}
        return await self._list(visit, asked, {"cursor": visit.query.get("cursor", "")}, shown=False)

    async def reveal(self, visit: Visit) -> web.Response:
        """Answer `POST /console/attachments/reveal`: the same page with its pictures; its ends are on record."""
        asked = {name: visit.form.text(name)[:_LONGEST] for name in _FILTERS if visit.form.text(name)}
        ends = {name: visit.form.text(name) for name in ("newest", "oldest")}
        if not all(ends.values()):
            raise InvalidField("say which messages are meant")
        return await self._list(visit, asked, ends, shown=True)

    async def _list(
        self, visit: Visit, asked: dict[str, str], ends: dict[str, str], *, shown: bool
    ) -> web.Response:
        kind = asked.get("type", "")
        if kind and kind not in KINDS:
            raise InvalidField("there is no such type")
        if any(end and not is_id(end) for end in ends.values()):
            raise InvalidField("the page is not one of this list")
        cursor, newest, oldest = (ends.get(name, "") for name in ("cursor", "newest", "oldest"))
        search = FileSearch(
            account=asked.get("account", ""), kind=kind, cursor=cursor, newest=newest, oldest=oldest
        )
        found = await self._browse.files(search)
        return await self._pages.show(
            visit,
            "attachments.html",
            found=found,
            asked=asked,
            kinds=KINDS,
            shown=shown,
            older=f"{LIST}?{urlencode({**asked, 'cursor': found.older})}" if found.older else "",
            newest=f"{LIST}?{urlencode(asked)}" if ends.get("cursor") or shown else "",
        )

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/attachments/{id}/{index}`."""
        return await self._one(visit, shown=False)

    async def look(self, visit: Visit) -> web.Response:
        """Answer `POST /console/attachments/{id}/{index}/look`."""
        return await self._one(visit, shown=True)

    async def _one(self, visit: Visit, *, shown: bool) -> web.Response:
        whole = await self._browse.one(message_id(visit))
        number = index(visit)
        part = next((one for one in whole.record.message.parts if one.index == number), None)
        if part is None:
            raise NotFound("there is no such part")
        text = ""
        if shown and part.state is PartState.STORED and is_text(part.kind, part.content_type):
            _, path = await self._stored.part(visit)
            text = await self._stored.run(partial(read_text, path))
        return await self._pages.show(
            visit,
            "attachment.html",
            message=whole.record.message,
            part=part,
            shown=shown,
            text=text,
            once=secrets.token_urlsafe(12),
            senders=await self._send_on.senders(whole.record.message.account),
        )

    async def send(self, visit: Visit) -> web.Response:
        """Answer `POST /console/attachments/{id}/{index}/send`."""
        form = visit.form
        to, once, text = form.text("to"), form.text("once"), form.text("text")
        if not (0 < len(once) <= _LONGEST):
            raise InvalidField("load the page again: this form has no name")
        if not to or len(to) > _LONGEST or len(text) > _LONGEST_TEXT:
            raise InvalidField(f"a message takes a number, and at most {_LONGEST_TEXT} characters")
        sent = await self._send_on.send(
            message_id(visit),
            index(visit),
            to=to,
            sender=form.text("sender")[:_LONGEST],
            text=text,
            once=once,
            who=visit.operator.name,
        )
        log.info("attachment_sent_on", operator=visit.operator.name, message_id=sent)
        return go_to(f"{MESSAGES}/{quote(sent, safe='')}")


def is_text(kind: PartKind, content_type: str) -> bool:
    """Say whether a part can be read as words."""
    return kind is not PartKind.MEDIA or content_type.startswith("text/")


def read_text(path: Path) -> str:
    """Return the beginning of a file as words."""
    with path.open("rb") as file:
        return file.read(_READ).decode(errors="replace")
