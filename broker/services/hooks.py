"""Show operators what carriers posted, and which messages that was about."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from broker.domain.event import Inbound, News, Report
from broker.errors import NotFound
from broker.services.logbook import Known, Matches
from broker.services.sql import AsyncSql
from broker.storage import webhooks
from broker.storage.database import Sql
from broker.storage.webhooks import Place, Webhook


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """One thing that a webhook says, and the message it is about; absent: none that we know."""

    what: str
    message_id: str | None
    known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A webhook, and what it says; nothing where nobody can read it."""

    webhook: Webhook
    meant: Sequence[Meant] | None


class Hooks:
    """Reads the journal of webhooks. Every method raises Busy while SQL is away."""

    def __init__(self, sql: AsyncSql, *, known: Known) -> None:
        self._sql = sql
        self._known = known

    async def names(self) -> list[str]:
        """Return the connections that there are, and those that only the journal knows."""
        return await self._sql.read(lambda sql: sorted({*self._known(), *_journaled(sql)}))

    async def page(self, name: str, *, before: Place | None, limit: int) -> tuple[list[Seen], Place | None]:
        """Return a connection's webhooks, the newest first, and the place that the page ends with if there are more."""

        def job(sql: Sql) -> tuple[list[Seen], Place | None]:
            rows = webhooks.newest(sql, name, before=before, limit=limit + 1)
            shown = rows[:limit]
            more = shown[-1] if len(rows) > limit else None
            place = None if more is None else Place(connection=name, at=more.at, digest=more.digest)
            return self._seen(sql, name, shown), place

        return await self._sql.read(job)

    async def one(self, digest: str) -> Seen:
        """Return a webhook by its digest; raises NotFound."""

        def job(sql: Sql) -> Seen | None:
            found = webhooks.one(sql, digest)
            return None if found is None else self._seen(sql, found.connection, [found])[0]

        seen = await self._sql.read(job)
        if seen is None:
            raise NotFound("there is no such webhook")
        return seen

    def _seen(self, sql: Sql, name: str, rows: Sequence[Webhook]) -> list[Seen]:
        about = Matches(sql, self._known().get(name), rows)
        meant = partial(_meant, about)
        found = []
        for row in rows:
            news = about.news[row.digest]
            found.append(Seen(webhook=row, meant=None if news is None else [meant(piece) for piece in news]))
        return found


def _meant(about: Matches, piece: News) -> Meant:
    if isinstance(piece, Report):
        what = " ".join(filter(None, (str(piece.event), piece.code)))
        return Meant(what=what, message_id=about.of(piece), known=True)
    if isinstance(piece, Inbound):
        return Meant(what="a message came", message_id=about.of(piece), known=True)
    return Meant(what="a word that we do not know", message_id=None, known=False)


def _journaled(sql: Sql) -> Iterator[str]:
    name = webhooks.names(sql, after="")
    while name is not None:
        yield name
        name = webhooks.names(sql, after=f"{name}\x01")
