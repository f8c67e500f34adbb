"""Find the message a report is about: by our echoed id first, by the carrier's reference second."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import orjson

from broker.domain.event import Report
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.services.outcome import at
from broker.storage import history, matching
from broker.storage.database import Sql
from broker.storage.messages import Move
from broker.storage.parked import Parked
from broker.storage.writing import bounded

PATIENCE = timedelta(hours=72)
"""How long a report is looked at again by itself; after that it is listed for people."""

SOON_MS = 2_000

NO_MESSAGE = "no such message"
"""Why a report is parked."""


T = TypeVar("T")
Heard = tuple[str, T, str | None]
"""A piece of news with the connection it came over and the digest of its webhook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """Reports as moves of messages, and those that fit no message of their connection.

    `opt_outs` are refusals because the recipient has opted out: the message, the carrier's words and its time.
    """

    moves: tuple[Move, ...]
    unmatched: tuple[Heard[Report], ...]
    opt_outs: tuple[tuple[str, str, datetime], ...] = ()


def match(sql: Sql, told: Sequence[Heard[Report]]) -> Matched:
    """Match reports to messages.

    A report must come over the connection that its message went out by, now or at the attempt that it is about:
    another carrier's word does not count.
    """
    found = matching.find(sql, [report for _, report, _ in told])
    places = [found.of(report) for _, report, _ in told]
    elsewhere = [
        place.id
        for place, (name, _, _) in zip(places, told, strict=True)
        if place is not None and place.connection != name
    ]
    went_by = matching.went_by(sql, sorted(set(elsewhere)))
    moves: list[Move] = []
    unmatched: list[Heard[Report]] = []
    opt_outs: list[tuple[str, str, datetime]] = []
    for place, (name, report, digest) in zip(places, told, strict=True):
        if place is not None and (
            place.connection == name or (place.id, report.attempt or 0, name) in went_by
        ):
            moves.append(_move(place.id, report, digest))
            if report.opted_out:
                opt_outs.append((place.id, moves[-1].detail, report.at))
            moves += _evidence(found, report, digest)
        else:
            unmatched.append((name, report, digest))
    return Matched(moves=tuple(moves), unmatched=tuple(unmatched), opt_outs=tuple(opt_outs))


def unheard(sql: Sql, told: Sequence[Heard[Report]]) -> list[Heard[Report]]:
    """Return those reports that their messages have not had yet, or had with another meaning."""
    found = matching.find(sql, [report for _, report, _ in told])
    places = [found.of(report) for _, report, _ in told]
    heard = history.heard(sql, sorted({place.id for place in places if place is not None}))
    fresh: list[Heard[Report]] = []
    for place, (name, report, digest) in zip(places, told, strict=True):
        was = None if place is None else heard.get((place.id, bounded(report.key)))
        key = report.key if was is None else f"{report.key}#{report.event}"
        if was != report.event and (place is None or (place.id, bounded(key)) not in heard):
            fresh.append((name, replace(report, key=key), digest))
    return fresh


def park(unmatched: Sequence[Heard[Report]], *, now_ms: int) -> list[Parked]:
    """Return reports that fit no message yet, ready to be kept."""
    return [
        Parked(
            connection=name,
            key=report.key,
            news=dump(report, digest),
            reason=NO_MESSAGE,
            at=at(now_ms),
            due_at=now_ms + SOON_MS,
        )
        for name, report, digest in unmatched
    ]


def look_again_at(parked_at: datetime, now_ms: int) -> int | None:
    """Return when to look again, less and less often; None when it has been long enough."""
    age = at(now_ms) - parked_at
    return None if age > PATIENCE else now_ms + max(SOON_MS, round(age.total_seconds() * 500))


def dump(report: Report, digest: str | None) -> str:
    """Return a report as the JSON that is kept, with the digest of its webhook."""
    return orjson.dumps({**asdict(report), "webhook": digest}).decode()


def load(text: str) -> tuple[Report, str | None]:
    """Return the report kept as `text`, and the digest of its webhook."""
    known: dict[str, Any] = orjson.loads(text)
    digest = known.pop("webhook", None)
    at = datetime.fromisoformat(known["at"])
    return Report(**{**known, "event": Event(known["event"]), "at": at}), digest


def _evidence(found: matching.Found, report: Report, digest: str | None) -> list[Move]:
    """Return what news of one member says of its group, which is one submission: the carrier has it all."""
    return [
        Move(
            id=other.id,
            event=Event.RECEIPT,
            at=report.at,
            key=f"{Event.RECEIPT}:{report.message_id}.{report.attempt or ''}",
            detail="the carrier told of another of its group",
            attempt=report.attempt,
            provider_ref=report.provider_ref,
            webhook=digest,
        )
        for other in found.with_it(report)
        if other.status in {Status.UNKNOWN, Status.RETRYING}
    ]


def _move(message_id: str, report: Report, digest: str | None) -> Move:
    detail = " ".join(piece for piece in (report.code, report.detail) if piece)
    return Move(
        id=message_id,
        event=report.event,
        at=report.at,
        key=report.key,
        detail=detail,
        attempt=report.attempt,
        provider_ref=report.provider_ref,
        webhook=digest,
    )
