"""Take carriers' webhooks: journal, match, move, or park until they match."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from broker.directory import Snapshot
from broker.dispatch import Queue
from broker.domain.event import Inbound, News, Report
from broker.domain.status import Status
from broker.errors import Unreadable
from broker.keyspace import keys
from broker.keyspace.content import Webhook as Arrived
from broker.metrics.measures import EVENTS
from broker.runtime import Runtime
from broker.services import counting, optouts, park, receive, reports
from broker.services.backlog import repaired_later
from broker.services.owing import owe, tell_soon
from broker.services.poison import work_on
from broker.services.reports import Heard
from broker.settings import Settings
from broker.storage import messages, parked, webhooks
from broker.storage.database import Sql
from broker.storage.messages import Moved
from broker.storage.webhooks import Webhook

log = structlog.get_logger()


@dataclass(slots=True)
class Reading:
    """What a batch of webhooks holds."""

    journal: list[Webhook] = field(default_factory=list)
    news: dict[str, Sequence[News]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a transaction made of the news: how much moved and was parked, whose media is to be fetched.

    `owed` says that customers are to be told something now; `answers` are messages that are to go out.
    """

    moved: tuple[Moved, ...]
    parked: int
    fetching: tuple[str, ...]
    owed: bool
    answers: tuple[str, ...] = ()


def take(runtime: Runtime) -> None:
    """Work on up to a take's worth of webhooks."""
    runtime.directory.look()  # raises while SQL is away: nothing is popped then that could only be put back
    popped = runtime.ready.pop(Queue.EVENTS, runtime.settings.take_size)
    work_on(runtime, Queue.EVENTS, popped, partial(_take, runtime), park=partial(park.webhook, runtime))


def _take(runtime: Runtime, ids: Sequence[str]) -> None:
    arrived = runtime.ready.webhooks(ids)
    known = runtime.directory.look()
    now_ms = runtime.ready.now_ms()
    job = partial(
        apply,
        reading=read(arrived, known),
        known=known,
        now_ms=now_ms,
        settings=runtime.settings,
        missing=[digest for digest in ids if digest not in arrived],
    )
    applied: Applied = runtime.database.write(job)
    with repaired_later():
        runtime.ready.drop(Queue.EVENTS, ids, contents=[keys.webhook(digest) for digest in arrived])
        runtime.ready.push(Queue.MEDIA, applied.fetching)
        runtime.ready.push(Queue.SUBMIT, applied.answers)
    tell_soon(runtime.schedule, owed=applied.owed)
    counting.ended(runtime.meter, applied.moved)
    runtime.meter.add(EVENTS, {("moved",): len(applied.moved), ("parked",): applied.parked})
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
) -> Applied:
    """Write the journal and apply what is new in it; a webhook that came before changes nothing.

    `missing` are those whose body is gone: what the journal does not hold of them either is lost.
    """
    park.lost_webhooks(sql, missing, now_ms=now_ms)
    new = webhooks.keep(sql, reading.journal)
    told: list[Heard[Report]] = []
    came: list[Heard[Inbound]] = []
    for entry in reading.journal:
        for piece in reading.news[entry.digest] if entry.digest in new else ():
            if isinstance(piece, Report):
                told.append((entry.connection, piece, entry.digest))
            elif isinstance(piece, Inbound):
                came.append((entry.connection, piece, entry.digest))
    matched = reports.match(sql, told)
    moved = messages.move(sql, matched.moves, deadlines=deadlines(now_ms, settings))
    arrivals = receive.receive(sql, came, known.owners, now_ms=now_ms, settings=settings)
    optouts.told_by_carrier(sql, matched.opt_outs, known, settings)
    answers = optouts.hear(sql, arrivals.added, known, now_ms=now_ms, settings=settings)
    waiting = [*reports.park(matched.unmatched, now_ms=now_ms), *arrivals.quarantined]
    parked.park(sql, waiting)
    owed = owe(sql, [*moved, *arrivals.moved], known, now_ms=now_ms, settings=settings)
    return Applied(
        moved=tuple(moved), parked=len(waiting), fetching=arrivals.fetching, owed=owed, answers=answers
    )


def deadlines(now_ms: int, settings: Settings) -> dict[Status, int]:
    """Return when to look again at a message that reaches a state (Redis's clock, ms)."""
    confirm_at = now_ms + round(settings.confirm_s * 1000)
    arrival_at = now_ms + round(settings.arrival_s * 1000)
    return {
        Status.SUBMITTED: confirm_at,
        Status.RELAYED: confirm_at,
        Status.READY: arrival_at,
        Status.INCOMPLETE: arrival_at,
    }


def retry_parked(runtime: Runtime, *, limit: int = 200) -> int:
    """Look again for the messages of parked reports; return how many were found."""
    now_ms = runtime.ready.now_ms()
    known = runtime.directory.look()

    def job(sql: Sql) -> tuple[int, list[Moved], bool]:
        rows = parked.due(sql, now_ms, limit=limit)
        told = [(item.connection, *reports.load(item.news)) for _, item in rows]
        matched = reports.match(sql, told)
        moved = messages.move(sql, matched.moves, deadlines=deadlines(now_ms, runtime.settings))
        optouts.told_by_carrier(sql, matched.opt_outs, known, runtime.settings)
        misses = {id(report) for _, report, _ in matched.unmatched}
        found = [row for (row, _), (_, report, _) in zip(rows, told, strict=True) if id(report) not in misses]
        later = [
            (row, reports.look_again_at(item.at, now_ms))
            for (row, item), (_, report, _) in zip(rows, told, strict=True)
            if id(report) in misses
        ]
        parked.settle(sql, found, later)
        return len(found), moved, owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    count, moved, owed = runtime.database.write(job)
    counting.ended(runtime.meter, moved)
    runtime.meter.count(EVENTS, "found", by=count)
    tell_soon(runtime.schedule, owed=owed)
    return count


def _news(item: Arrived, known: Snapshot) -> tuple[Sequence[News], str]:
    provider = known.providers.get(item.connection)
    if provider is None:
        return (), "unknown connection"
    try:
        news = provider.read(item.body)
    except Unreadable as error:
        log.warning("webhook_unreadable", connection=item.connection, at=at_text(item))
        return (), f"unreadable: {error}"
    return news, ", ".join(_names(news))


def _names(news: Iterable[News]) -> list[str]:
    return [
        piece.event if isinstance(piece, Report) else "inbound" if isinstance(piece, Inbound) else piece.kind
        for piece in news
    ]


def at_text(item: Arrived) -> str:
    """Return when a webhook came, for a log line."""
    return item.at.isoformat()
