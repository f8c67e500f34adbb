"""Submissions: one row per attempt, written before its first byte leaves."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from broker.domain.value import value
from broker.storage.tables import submissions
from broker.storage.writing import insert_ignore

_END = (
    update(submissions)
    .where(submissions.c.message_id == bindparam("b_id"), submissions.c.number == bindparam("b_number"))
    .values(
        ended_at=bindparam("b_ended_at"),
        outcome=bindparam("b_outcome"),
        http_status=bindparam("b_http_status"),
        error=bindparam("b_error"),
        exchange=bindparam("b_exchange"),
    )
)


@value
class Ended:
    """How one attempt ended. `exchange` is what was said, with secrets and content left out."""

    message_id: str
    number: int
    at: datetime
    outcome: str
    http_status: int | None = None
    error: str | None = None
    exchange: str | None = None


def begin(connection: Connection, attempts: Sequence[tuple[str, int, str]], *, at: datetime) -> None:
    """Record attempts (message id, number, connection name) that are about to start."""
    rows = [
        {"message_id": message_id, "number": number, "connection": name, "started_at": at}
        for message_id, number, name in attempts
    ]
    if rows:
        connection.execute(insert_ignore(connection, submissions), rows)


def end(connection: Connection, ended: Sequence[Ended]) -> None:
    """Record how attempts ended."""
    rows = [
        {
            "b_id": item.message_id,
            "b_number": item.number,
            "b_ended_at": item.at,
            "b_outcome": item.outcome,
            "b_http_status": item.http_status,
            "b_error": item.error,
            "b_exchange": item.exchange,
        }
        for item in ended
    ]
    if rows:
        connection.execute(_END, rows)
