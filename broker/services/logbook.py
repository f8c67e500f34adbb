"""Read the event log of a connection: entries of its own, with submissions and webhooks told as entries."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from broker.domain.event import Inbound, News, Report
from broker.domain.logbook import Entry, Kind, Level, LogQuery, Position, Way
from broker.domain.redaction import redact, redact_body, redact_url
from broker.domain.value import replace
from broker.errors import NotFound, Unreadable
from broker.providers.base import Provider
from broker.services.receive import inbound_key
from broker.services.sql import AsyncSql
from broker.storage import logbook, matching
from broker.storage.database import Sql
from broker.storage.logbook import BEGUN, Exchanged
from broker.storage.webhooks import Webhook

Shown = tuple[Position, Entry]
Known = Callable[[], Mapping[str, Provider]]

_LAST_PART = 2**32
"""No row says so much."""


class Logbook:
    """Shows what was said over connections, page by page."""

    def __init__(
        self, sql: AsyncSql, *, known: Known, keep_s: float, looked_at: int = logbook.LOOKED_AT
    ) -> None:
        self._sql = sql
        self._looked_at = looked_at
        self._known = known
        self._keep = timedelta(seconds=keep_s)

    async def page(self, query: LogQuery) -> tuple[list[Shown], Position | None]:
        """Return the next entries with their positions, and after which position there may be more; None: nowhere.

        A page of some entries only may be short, or empty, though more come after it.

        Raises:
            NotFound: there is no such connection, and nothing is kept of one that was.
            Busy: SQL is away.
        """
        kept = datetime.now(UTC) - self._keep
        query = replace(query, since=kept if query.since is None else max(query.since, kept))
        return await self._sql.read(partial(self._read, query=query))

    def _read(self, sql: Sql, query: LogQuery) -> tuple[list[Shown], Position | None]:
        provider = self._known().get(query.connection)
        if provider is None and query.connection not in logbook.names(sql):
            raise NotFound("there is no such connection")
        rows, end = logbook.page(sql, query, looked_at=self._looked_at)
        about = Matches(sql, provider, [row for _, row in rows if isinstance(row, Webhook)])
        found = [
            (replace(place, part=part), entry)
            for place, row in rows
            for part, entry in enumerate(_entries(place, row, provider, about))
            if query.takes(entry)
        ]
        found.sort(key=lambda pair: pair[0], reverse=not query.oldest_first)
        if query.after is not None:
            found = [one for one in found if _is_after(one[0], query.after, query)]
        if end is not None:  # whatever the row there says was looked at
            end = replace(end, part=_LAST_PART if query.oldest_first else 0)
            found = [one for one in found if not _is_after(one[0], end, query)]
        shown = found[: query.limit]
        return shown, shown[-1][0] if len(found) > query.limit else end


def _is_after(place: Position, other: Position, query: LogQuery) -> bool:
    return place > other if query.oldest_first else place < other


class Matches:
    """What webhooks say, and which messages that is about."""

    def __init__(self, sql: Sql, provider: Provider | None, arrived: Sequence[Webhook]) -> None:
        self.news: dict[str, Sequence[News] | None] = {one.digest: _news(provider, one) for one in arrived}
        every = [piece for found in self.news.values() for piece in found or ()]
        self._found = matching.find(sql, [piece for piece in every if isinstance(piece, Report)])
        name = "" if provider is None else provider.connection.name
        keys = {piece.key: inbound_key(name, piece) for piece in every if isinstance(piece, Inbound)}
        ids = matching.arrivals(sql, list(keys.values()))
        self._arrived = {key: ids.get(digest) for key, digest in keys.items()}

    def of(self, piece: News) -> str | None:
        """Return the message that a piece of news is about."""
        if isinstance(piece, Report):
            place = self._found.of(piece)
            return None if place is None else place.id
        return self._arrived.get(piece.key) if isinstance(piece, Inbound) else None


def _news(provider: Provider | None, webhook: Webhook) -> Sequence[News] | None:
    """Return what a webhook says; None where nobody can read it."""
    try:
        return None if provider is None else provider.read(webhook.body)
    except Unreadable:
        return None


def _entries(place: Position, row: logbook.Row, provider: Provider | None, about: Matches) -> Iterator[Entry]:
    if isinstance(row, Entry):
        yield row
    elif isinstance(row, Exchanged):
        yield from _begun(row, provider) if place.rank == BEGUN else _ended(row)
    else:
        yield from _arrived(row, about)


def _begun(row: Exchanged, provider: Provider | None) -> Iterator[Entry]:
    where = "" if provider is None else f" {redact_url(provider.create_url)}"
    said = {"to": [row.recipient], "from": row.originator, "text": "-" * row.characters}
    yield Entry(
        at=row.started_at,
        connection=row.connection,
        kind=Kind.HTTP_REQUEST,
        direction=Way.OUT,
        text=f"POST{where}",
        message_id=row.message_id,
        body=redact({**said, "tag": f"{row.message_id}.{row.number}", "priority": row.priority}),
    )


def _ended(row: Exchanged) -> Iterator[Entry]:
    entry = Entry(
        at=row.ended_at,
        connection=row.connection,
        kind=Kind.HTTP_RESPONSE,
        direction=Way.IN,
        text=str(row.http_status),
        message_id=row.message_id,
        body=redact({"id": row.provider_ref}),
    )
    yield entry
    yield replace(
        entry, kind=Kind.MESSAGE_SENT, direction=Way.NONE, text=f"attempt {row.number}: receipt", body=""
    )


def _arrived(webhook: Webhook, about: Matches) -> Iterator[Entry]:
    news = about.news[webhook.digest]
    ids = {found for piece in news or () if (found := about.of(piece))}
    entry = Entry(
        at=webhook.at,
        connection=webhook.connection,
        kind=Kind.HTTP_REQUEST,
        direction=Way.IN,
        text=f"POST /webhooks/{webhook.connection}",
        message_id=ids.pop() if len(ids) == 1 else None,
        body=redact_body(webhook.body),
    )
    yield entry
    yield replace(entry, kind=Kind.HTTP_RESPONSE, direction=Way.OUT, text="200", body="")
    if news is None:
        text = "nobody can read it"
        yield replace(entry, kind=Kind.ERROR, level=Level.ERROR, direction=Way.NONE, text=text, body="")
    for piece in news or ():
        yield _told(entry, piece, about.of(piece))


def _told(entry: Entry, piece: News, message_id: str | None) -> Entry:
    level = Level.INFO if message_id else Level.WARN
    if isinstance(piece, Report):
        text = " ".join(filter(None, (piece.event, piece.code)))
        kind, text = Kind.REPORT, text if message_id else f"{text}: fits no message"
    elif isinstance(piece, Inbound):
        media = f", {len(piece.media)} parts" if piece.media else ""
        text = f"message of {len(piece.text)} characters{media}"
        kind, text = Kind.MESSAGE_RECEIVED, text if message_id else f"{text}: not for a number of an account"
    else:
        kind, text, level = Kind.ERROR, "something that we do not know", Level.WARN
    return replace(
        entry, kind=kind, level=level, direction=Way.NONE, text=text, message_id=message_id, body=""
    )
