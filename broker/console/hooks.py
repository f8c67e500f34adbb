"""Webhooks of carriers: what came, what it was about, what is parked; a time of them read again."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.message_forms import reason_of
from broker.console.numbers import moment, row_number
from broker.console.pages import Pages
from broker.console.said import Said
from broker.console.visit import ROOT, Visit
from broker.dialects.native.journal import parked_row
from broker.domain.operator import Role
from broker.domain.redaction import redact_body
from broker.errors import InvalidField, NotFound
from broker.log import get_logger
from broker.services.hooks import Hooks, Seen
from broker.services.rereading import PAGE as BATCH
from broker.services.rereading import Rereading, Stretch
from broker.storage.parked import Which
from broker.storage.webhooks import Place

LIST = f"{ROOT}webhooks"
AGAIN = f"{LIST}/again"
PAGE = 50
BATCHES = 50
"""Most transactions of one request to read again: who wants more goes on from where it ended."""
_DIGEST = 64
_LONGEST_BODY = 256 * 1024

log = get_logger()


class Webhooks:
    """Bodies are shown without what they hold; a whole one to who may read it, and that is noted."""

    def __init__(self, pages: Pages, hooks: Hooks, rereading: Rereading, said: Said) -> None:
        self._pages = pages
        self._hooks = hooks
        self._rereading = rereading
        self._said = said

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{digest}}"
        return [
            *gate.get(LIST, self.list),
            *gate.get(f"{LIST}/parked", self.parked),
            *gate.get(AGAIN, self.ask, needs=Role.ADMIN),
            *gate.post(f"{LIST}/replay", self.replay, needs=Role.ADMIN),
            *gate.get(one, self.show),
            *gate.post(f"{one}/reveal", self.reveal, needs=Role.CONTENT),
        ]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/webhooks`."""
        return await self._list(visit, visit.query)

    async def _after(self, visit: Visit, done: str) -> web.Response:
        return await self._list(visit, visit.form.fields, done)

    async def _list(self, visit: Visit, asked: Mapping[str, str], done: str = "") -> web.Response:
        names = await self._hooks.names()
        name = asked.get("connection", "") or (names[0] if names else "")
        at, digest = moment(asked.get("at", "")), asked.get("digest", "")
        before = None if at is None or done else Place(connection=name, at=at, digest=digest)
        rows, last = await self._hooks.page(name, before=before, limit=PAGE)
        kept = {"connection": name}
        if last is not None:
            kept |= {"at": last.at.isoformat(), "digest": last.digest}
        return await self._pages.show(
            visit,
            "webhooks.html",
            rows=rows,
            names=names,
            name=name,
            done=done or await self._said.of(visit),
            older=f"{LIST}?{urlencode(kept)}" if last is not None else "",
            now=datetime.now(UTC).isoformat(timespec="minutes")[:16],
        )

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/webhooks/{digest}`."""
        return await self._one(visit, shown=False)

    async def reveal(self, visit: Visit) -> web.Response:
        """Answer `POST /console/webhooks/{digest}/reveal`."""
        return await self._one(visit, shown=True)

    async def _one(self, visit: Visit, *, shown: bool) -> web.Response:
        digest = visit.pieces["digest"]
        if len(digest) > _DIGEST:
            raise NotFound("there is no such webhook")
        seen: Seen = await self._hooks.one(digest)
        whole = seen.webhook.body[:_LONGEST_BODY].decode(errors="replace")
        body = whole if shown else redact_body(seen.webhook.body)
        return await self._pages.show(visit, "webhook.html", seen=seen, shown=shown, body=body)

    async def parked(self, visit: Visit) -> web.Response:
        """Answer `GET /console/webhooks/parked`: news that fits no message, or nobody's number."""
        after = row_number(visit.query.get("cursor", ""))
        name = visit.query.get("connection", "")
        rows, last = await self._rereading.parked(Which(connection=name or None), after=after, limit=PAGE)
        further = urlencode({"connection": name, "cursor": str(last)})
        return await self._pages.show(
            visit,
            "parked.html",
            rows=[(item, parked_row(row, asdict(item))) for row, item in rows],
            name=name,
            names=await self._hooks.names(),
            further=f"{LIST}/parked?{further}" if last is not None else "",
        )

    async def ask(self, visit: Visit) -> web.Response:
        """Answer `GET /console/webhooks/again`: how many webhooks a time holds, before they are read again."""
        stretch = _stretch(visit.query.get)
        number = await self._rereading.number(stretch, most=BATCHES * BATCH)
        return await self._pages.show(
            visit, "webhooks_again.html", stretch=stretch, number=number, most=BATCHES * BATCH
        )

    async def replay(self, visit: Visit) -> web.Response:
        """Answer `POST /console/webhooks/replay`: a time of the journal is read again."""
        stretch = _stretch(lambda name, _: visit.form.text(name))
        reason_of(visit.form)
        counts, last = await self._again(stretch)
        log.info("webhooks_reread", operator=visit.operator.name, **counts)
        done = (
            f"{counts['webhooks']} webhooks were read again: {counts['moved']} messages moved, "
            f"{counts['arrived']} arrived, {counts['parked']} news parked."
        )
        if last is not None:
            done += f" It ended at {last.at.isoformat()} of {last.connection}: go on from there."
        name = urlencode({"connection": stretch.connection} if stretch.connection else {})
        return await self._said.lead(visit, f"{LIST}?{name}" if name else LIST, done, self._after)

    async def _again(self, stretch: Stretch) -> tuple[dict[str, int], Place | None]:
        counts = dict.fromkeys(("webhooks", "moved", "arrived", "parked"), 0)
        after: Place | None = None
        for _ in range(BATCHES):
            page = await self._rereading.page(stretch, after=after)
            counts = {name: number + getattr(page, name) for name, number in counts.items()}
            after = page.last
            if after is None:
                break
        return counts, after


def _stretch(field: Callable[[str, str], str]) -> Stretch:
    """Return the time that is meant; raises InvalidField where none is."""
    since, until = moment(field("since", "")), moment(field("until", ""))
    if since is None or until is None or since >= until:
        raise InvalidField("say from when until when, the first before the second")
    return Stretch(since=since, until=until, connection=field("connection", "") or None)
