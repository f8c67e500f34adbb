"""Look messages up for their account."""

from sqlalchemy import Connection, select

from broker.domain.message import Direction, Message
from broker.domain.record import Attempt, Happening, MessageQuery, Record
from broker.domain.status import Status
from broker.storage.messages import load
from broker.storage.tables import events, messages, submissions
from broker.storage.walking import LOOKED_AT, has_tag


def record(connection: Connection, message_id: str, *, account: str) -> Record | None:
    """Return all that is known of one message; another account's is not found."""
    row = (
        connection.execute(
            select(messages.c.id, messages.c.updated_at, messages.c.deleted_at).where(
                messages.c.id == message_id, messages.c.account == account
            )
        )
        .mappings()
        .first()
    )
    if row is None:
        return None
    return Record(
        message=load(connection, [message_id])[message_id],
        updated_at=row["updated_at"],
        deleted_at=row["deleted_at"],
        attempts=_attempts(connection, message_id),
        events=_events(connection, message_id),
    )


def arrival(connection: Connection, number: int, *, account: str) -> Record | None:
    """Return all that is known of a message that arrived for an account, by its public number."""
    wanted = (
        messages.c.number == number,
        messages.c.account == account,
        messages.c.direction == Direction.IN,
    )
    message_id = connection.execute(select(messages.c.id).where(*wanted)).scalar()
    return None if message_id is None else record(connection, message_id, account=account)


def page(
    connection: Connection, query: MessageQuery, *, account: str, looked_at: int = LOOKED_AT
) -> tuple[list[Message], str | None]:
    """Return an account's messages, newest first, and where the next page begins."""
    wanted = [messages.c.account == account]
    for column, value in (
        (messages.c.direction, query.direction),
        (messages.c.status, query.status),
        (messages.c.recipient, query.to),
        (messages.c.originator, query.from_),
        (messages.c.reference, query.reference),
        (messages.c.number, query.number),
    ):
        if value is not None:
            wanted.append(column == value)
    if query.cursor is not None:
        wanted.append(messages.c.id < query.cursor)
    statement = select(messages.c.id).where(*wanted).order_by(messages.c.id.desc())
    last = None
    if query.tag is None:
        asked = statement.limit(query.limit + 1)
    else:
        walked = statement.add_columns(messages.c.tags).limit(looked_at).subquery("walked")
        tagged = select(walked.c.id).where(has_tag(walked.c.tags, query.tag))
        asked = tagged.order_by(walked.c.id.desc()).limit(query.limit + 1)
        last = connection.execute(statement.offset(looked_at - 1).limit(1)).scalar()
    ids = list(connection.execute(asked).scalars())
    shown = ids[: query.limit]
    found = load(connection, shown)
    return [found[name] for name in shown], shown[-1] if len(ids) > query.limit else last


def _attempts(connection: Connection, message_id: str) -> tuple[Attempt, ...]:
    rows = connection.execute(
        select(submissions).where(submissions.c.message_id == message_id).order_by(submissions.c.number)
    ).mappings()
    return tuple(
        Attempt(
            number=row["number"],
            connection=row["connection"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            outcome=row["outcome"],
            http_status=row["http_status"],
            error=row["error"],
        )
        for row in rows
    )


def _events(connection: Connection, message_id: str) -> tuple[Happening, ...]:
    rows = connection.execute(
        select(events).where(events.c.message_id == message_id).order_by(events.c.id)
    ).mappings()
    return tuple(
        Happening(
            at=row["at"],
            type=row["type"],
            status=None if row["status"] is None else Status(row["status"]),
            detail=row["detail"],
        )
        for row in rows
    )
