"""Opt-outs: who wants nothing more of whom, and how we know; added and removed by hand, with a reason."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.numbers import COUNTRY, row_number
from broker.console.pages import Pages
from broker.console.said import Said
from broker.console.visit import ROOT, Visit
from broker.domain.address import normalise, normalise_originator, with_plus
from broker.domain.operator import Role
from broker.domain.optout import OptOut, OptOutQuery, Wish
from broker.errors import InvalidField
from broker.services.optout_book import OptOutBook

LIST = f"{ROOT}opt-outs"
PAGE = 100
LONGEST_REASON = 200
_FILTERS = ("account", "sender", "recipient")
_LONGEST = 255


class OptOuts:
    """Numbers are masked. One of them, with the text that is the proof, is shown on request, and that is noted."""

    def __init__(self, pages: Pages, book: OptOutBook, said: Said) -> None:
        self._pages = pages
        self._book = book
        self._said = said

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [
            *gate.get(LIST, self.show),
            *gate.post(f"{LIST}/reveal", self.reveal, needs=Role.CONTENT),
            *gate.post(f"{LIST}/add", self.add),
            *gate.post(f"{LIST}/remove", self.remove),
        ]

    async def show(self, visit: Visit) -> web.Response:
        """Answer `GET /console/opt-outs`; with `changes`, what came and went."""
        done = await self._said.of(visit)
        return await self._page(visit, visit.query, journal="changes" in visit.query, done=done)

    async def _after(self, visit: Visit, done: str) -> web.Response:
        return await self._page(visit, {}, done=done)

    async def reveal(self, visit: Visit) -> web.Response:
        """Answer `POST /console/opt-outs/reveal`: one number, and what it wrote."""
        proof = await self._book.one(row_number(visit.form.text("id")))
        return await self._page(visit, visit.form.fields, proof=proof)

    async def _page(
        self,
        visit: Visit,
        source: Mapping[str, str],
        *,
        journal: bool = False,
        done: str = "",
        proof: OptOut | None = None,
    ) -> web.Response:
        asked = {name: source.get(name, "").strip()[:_LONGEST] for name in _FILTERS}
        asked = {name: text for name, text in asked.items() if text}
        cursor = source.get("cursor", "")
        query = _query(asked, after=row_number(cursor))
        rows: Sequence[OptOut]
        rows, last = await (self._book.changes(query) if journal else self._book.page(query))
        kept = {**asked, **({"changes": "1"} if journal else {})}
        return await self._pages.show(
            visit,
            "opt_outs.html",
            rows=rows,
            asked=asked,
            cursor=cursor,
            journal=journal,
            proof=proof,
            done=done,
            older=f"{LIST}?{urlencode({**kept, 'cursor': str(last)})}" if last is not None else "",
        )

    async def add(self, visit: Visit) -> web.Response:
        """Answer `POST /console/opt-outs/add`."""
        form = visit.form
        sender = normalise_originator(form.text("sender"), COUNTRY, pointer="/sender")
        recipient = normalise(form.text("recipient"), COUNTRY, pointer="/recipient")
        changed = await self._book.change(
            Wish.STOP,
            sender,
            recipient,
            account=form.text("account") or None,
            who=visit.operator.name,
            reason=_reason(visit),
        )
        done = "From now on it gets nothing more." if changed else "It was so already."
        return await self._said.lead(visit, LIST, done, self._after)

    async def remove(self, visit: Visit) -> web.Response:
        """Answer `POST /console/opt-outs/remove`."""
        reason = _reason(visit)
        found = await self._book.one(row_number(visit.form.text("id")))
        await self._book.change(
            Wish.START,
            found.sender,
            found.recipient,
            account=found.account,
            who=visit.operator.name,
            reason=reason,
        )
        return await self._said.lead(visit, LIST, "It may be written to again.", self._after)


def _reason(visit: Visit) -> str:
    reason = visit.form.text("reason")
    if not reason or len(reason) > LONGEST_REASON:
        raise InvalidField(f"say why, in at most {LONGEST_REASON} characters")
    return reason


def _query(asked: dict[str, str], *, after: int) -> OptOutQuery:
    return OptOutQuery(
        account=asked.get("account"),
        sender=with_plus(asked["sender"].replace(" ", "")) if "sender" in asked else None,
        recipient=with_plus(asked["recipient"].replace(" ", "")) if "recipient" in asked else None,
        after=after,
        limit=PAGE,
        newest_first=True,
    )
