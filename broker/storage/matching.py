"""Look up which messages carriers' reports are about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from broker.domain.event import Report
from broker.domain.message import Direction
from broker.domain.status import Status
from broker.storage.tables import messages, submissions


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A message, the connection it went out by, and where it stands."""

    id: str
    connection: str | None
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The messages that a batch of reports may be about."""

    by_id: Mapping[str, Place]
    by_batch: Mapping[tuple[str, str], Place]
    by_ref: Mapping[str, Sequence[tuple[str, Place]]]

    def of(self, report: Report) -> Place | None:
        """Return the message a report is about, if it is here."""
        if report.message_id is not None:
            place = self.by_id.get(report.message_id)
            return place or self.by_batch.get((report.message_id, report.recipient or ""))
        candidates = self.by_ref.get(report.provider_ref or "", ())
        if len(candidates) == 1:
            return candidates[0][1]
        return next((place for recipient, place in candidates if recipient == report.recipient), None)

    def with_it(self, report: Report) -> list[Place]:
        """Return the messages that were handed over in one submission with the one a group's report is about."""
        if report.message_id is None or report.message_id in self.by_id:
            return []
        others = self.by_batch.items()
        return [
            place
            for (batch, recipient), place in others
            if batch == report.message_id and recipient != report.recipient
        ]


def find(connection: Connection, reports: Sequence[Report]) -> Found:
    """Read the messages that reports name, in at most three queries."""
    echoed = sorted({report.message_id for report in reports if report.message_id is not None})
    by_id = {row.id: _place(row) for row in _rows(connection, messages.c.id, echoed)}
    batches = [name for name in echoed if name not in by_id]
    by_batch = {
        (row.batch, row.recipient): _place(row) for row in _rows(connection, messages.c.batch, batches)
    }
    refs = sorted(
        {report.provider_ref for report in reports if not report.message_id and report.provider_ref}
    )
    by_ref: dict[str, list[tuple[str, Place]]] = {}
    for row in _rows(connection, messages.c.provider_ref, refs):
        by_ref.setdefault(row.provider_ref, []).append((row.recipient, _place(row)))
    return Found(by_id=by_id, by_batch=by_batch, by_ref=by_ref)


def went_by(connection: Connection, ids: Sequence[str]) -> set[tuple[str, int, str]]:
    """Return the attempts of messages: id, number, connection."""
    columns = (submissions.c.message_id, submissions.c.number, submissions.c.connection)
    if not ids:
        return set()
    rows = connection.execute(select(*columns).where(submissions.c.message_id.in_(ids)))
    return {(row.message_id, row.number, row.connection) for row in rows}


def standing(connection: Connection, ids: Sequence[str]) -> dict[str, Status]:
    """Return where messages stand."""
    statement = select(messages.c.id, messages.c.status).where(messages.c.id.in_(ids))
    return {row.id: Status(row.status) for row in connection.execute(statement)} if ids else {}


def arrivals(connection: Connection, inbound_keys: Sequence[str]) -> dict[str, str]:
    """Return the messages that arrivals were made into, by what makes an arrival the same."""
    statement = select(messages.c.inbound_key, messages.c.id).where(messages.c.inbound_key.in_(inbound_keys))
    return {row.inbound_key: row.id for row in connection.execute(statement)} if inbound_keys else {}


def _rows(connection: Connection, column: Any, values: Sequence[str]) -> Sequence[Any]:
    if not values:
        return ()
    return connection.execute(
        select(
            messages.c.id,
            messages.c.batch,
            messages.c.recipient,
            messages.c.provider_ref,
            messages.c.connection,
            messages.c.status,
        ).where(column.in_(values), messages.c.direction == Direction.OUT)
    ).all()


def _place(row: Any) -> Place:
    return Place(id=row.id, connection=row.connection, status=Status(row.status))
