"""Take carriers' webhooks: journal, match, move, or park until they match."""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import structlog

from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.event import Inbound, News, Report, Unread
from broker.errors import Unreadable
from broker.keyspace import keys
from broker.keyspace.content import Webhook as Arrived
from broker.runtime import Runtime
from broker.services import park, traces
from broker.services.backlog import repaired_later
from broker.services.news import Applied, go_on, take_in
from broker.services.poison import work_on
from broker.services.reports import Heard
from broker.settings import Settings
from broker.storage import messages, webhooks
from broker.storage.database import Sql
from broker.storage.webhooks import Webhook

log = structlog.get_logger()

UNREADABLE = "unreadable"
"""The verdict on a webhook that is not in its carrier's format begins so."""


@dataclass(slots=True)
class Reading:
    """What a batch of webhooks holds."""

    journal: list[Webhook] = field(default_factory=list)
    news: dict[str, Sequence[News]] = field(default_factory=dict)

    def pieces(self, wanted: Collection[str]) -> tuple[list[Heard[Report]], list[Heard[Inbound]]]:
        """Return the reports and the arrivals in the webhooks of these digests, in order."""
        told: list[Heard[Report]] = []
        came: list[Heard[Inbound]] = []
        for entry in self.journal:
            for piece in self.news[entry.digest] if entry.digest in wanted else ():
                if isinstance(piece, Report):
                    told.append((entry.connection, piece, entry.digest))
                elif isinstance(piece, Inbound):
                    came.append((entry.connection, piece, entry.digest))
        return told, came

    def odd(self) -> Counter[str]:
        """Count what could not be read, and words that we do not know."""
        unread = sum(isinstance(piece, Unread) for news in self.news.values() for piece in news)
        return Counter(unknown_word=unread, unreadable=sum(UNREADABLE in one.verdict for one in self.journal))


def take(runtime: Runtime) -> None:
    """Work on up to a take's worth of webhooks."""
    runtime.directory.look()  # raises while SQL is away: nothing is popped then that could only be put back
    popped = runtime.ready.pop(Queue.EVENTS, runtime.settings.take_size)
    work_on(runtime, Queue.EVENTS, popped, partial(_take, runtime), park=partial(park.webhook, runtime))


def _take(runtime: Runtime, ids: Sequence[str]) -> None:
    began_s = time.time()
    arrived = runtime.ready.webhooks(ids)
    known = runtime.directory.look()
    now_ms = runtime.ready.now_ms()
    reading = read(arrived, known)
    job = partial(
        apply,
        reading=reading,
        known=known,
        now_ms=now_ms,
        settings=runtime.settings,
        missing=[digest for digest in ids if digest not in arrived],
        traces_of={digest: one.trace for digest, one in arrived.items() if one.trace},
    )
    recorded_s = time.time()
    applied: Applied = runtime.database.write(job)
    with repaired_later():
        runtime.ready.drop(Queue.EVENTS, ids, contents=[keys.webhook(digest) for digest in arrived])
    go_on(runtime, applied, reading.odd())
    if runtime.tracing is not None:
        ids = [one.id for one in applied.moved]
        known_traces = runtime.database.read(partial(messages.traces, ids=ids))
        traces.reported(runtime.tracing, applied.moved, known_traces, news=reading.news, arrived=arrived)
        traces.arrived(runtime.tracing, applied.arrived, arrived, began_s=began_s, recorded_s=recorded_s)
    log.info("webhooks_read", webhooks=len(arrived), moved=len(applied.moved), parked=applied.parked)


def read(arrived: dict[str, Arrived], known: Snapshot) -> Reading:
    """Return what the webhooks say, in the order they came."""
    reading = Reading()
    for digest, item in sorted(arrived.items(), key=lambda pair: pair[1].at):
        news, verdict = _news(item, known)
        reading.journal.append(
            Webhook(digest=digest, connection=item.connection, at=item.at, body=item.body, verdict=verdict)
        )
        reading.news[digest] = news
    return reading


def apply(
    sql: Sql,
    *,
    reading: Reading,
    known: Snapshot,
    now_ms: int,
    settings: Settings,
    missing: Collection[str] = (),
    traces_of: Mapping[str | None, str] = MappingProxyType({}),
) -> Applied:
    """Write the journal and apply what is new in it; a webhook that came before changes nothing.

    `missing` are those whose body is gone: what the journal does not hold of them either is lost. `traces_of` has the
    traces of those that are traced, by digest.
    """
    park.lost_webhooks(sql, missing, now_ms=now_ms)
    new = webhooks.keep(sql, reading.journal)
    told, came = reading.pieces(new)
    return take_in(sql, told, came, known=known, now_ms=now_ms, settings=settings, traces=traces_of)


def _news(item: Arrived, known: Snapshot) -> tuple[Sequence[News], str]:
    provider = known.providers.get(item.connection)
    if provider is None:
        return (), "unknown connection"
    try:
        news = provider.read(item.body)
    except Unreadable as error:
        log.warning("webhook_unreadable", connection=item.connection, at=at_text(item))
        return (), f"{UNREADABLE}: {error}"
    return news, ", ".join(_names(news))


def _names(news: Iterable[News]) -> list[str]:
    return [
        piece.event if isinstance(piece, Report) else "inbound" if isinstance(piece, Inbound) else piece.kind
        for piece in news
    ]


def at_text(item: Arrived) -> str:
    """Return when a webhook came, for a log line."""
    return item.at.isoformat()
