"""Webhooks of carriers: what came, what it was about, what is parked; a time of them read again."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.numbers import moment, row_number
from broker.console.pages import Pages
from broker.console.visit import ROOT, Visit
from broker.dialects.native.journal import parked_row
from broker.domain.operator import Role
from broker.domain.redaction import redact_body
from broker.errors import InvalidField, NotFound
from broker.log import get_logger
from broker.services.hooks import Hooks, Seen
from broker.services.rereading import Rereading, Stretch
from broker.storage.parked import Which
from broker.storage.webhooks import Place

LIST = f"{ROOT}webhooks"
PAGE = 50
BATCHES = 50
"""Most transactions of one request to read again: who wants more goes on from where it ended."""
LONGEST_REASON = 200
_DIGEST = 64
_LONGEST_BODY = 256 * 1024

log = get_logger()


class Webhooks:
    """Bodies are shown without what they hold; a whole one to who may read it, and that is noted."""

    def __init__(self, pages: Pages, hooks: Hooks, rereading: Rereading) -> None:
        self._pages = pages
        self._hooks = hooks
        self._rereading = rereading

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        one = f"{LIST}/{{digest}}"
        return [
            *gate.get(LIST, self.list),
            *gate.get(f"{LIST}/parked", self.parked),
            *gate.post(f"{LIST}/replay", self.replay, needs=Role.ADMIN),
            *gate.get(one, self.show),
            *gate.post(f"{one}/reveal", self.reveal, needs=Role.CONTENT),
        ]

    async def list(self, visit: Visit) -> web.Response:
        """Answer `GET /console/webhooks`."""
        return await self._list(visit, visit.query)

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
            done=done,
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

    async def replay(self, visit: Visit) -> web.Response:
        """Answer `POST /console/webhooks/replay`: a time of the journal is read again."""
        form = visit.form
        since, until, reason = moment(form.text("since")), moment(form.text("until")), form.text("reason")
        if not reason or len(reason) > LONGEST_REASON:
            raise InvalidField(f"say why, in at most {LONGEST_REASON} characters")
        if since is None or until is None or since >= until:
            raise InvalidField("say from when until when, the first before the second")
        stretch = Stretch(since=since, until=until, connection=form.text("connection") or None)
        counts, last = await self._again(stretch)
        log.info("webhooks_reread", operator=visit.operator.name, **counts)
        done = (
            f"{counts['webhooks']} webhooks were read again: {counts['moved']} messages moved, "
            f"{counts['arrived']} arrived, {counts['parked']} news parked."
        )
        if last is not None:
            done += f" It ended at {last.at.isoformat()} of {last.connection}: go on from there."
        return await self._list(visit, form.fields, done)

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
