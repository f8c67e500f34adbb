"""Look messages up for their account."""

from sqlalchemy import Connection, select

from broker.domain.message import Direction, Message
from broker.domain.record import Attempt, Happening, MessageQuery, Record
from broker.domain.status import Status
from broker.storage.messages import load
from broker.storage.tables import events, messages, submissions
from broker.storage.walking import LOOKED_AT, has_tag

c = messages.c


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
    own = [c.account == account] + ([] if query.cursor is None else [c.id < query.cursor])
    wanted = {
        c.direction: query.direction,
        c.status: query.status,
        c.recipient: query.to,
        c.originator: query.from_,
        c.reference: query.reference,
        c.number: query.number,
    }
    asked = {column: value for column, value in wanted.items() if value is not None}
    newest_first = c.id.desc()
    if query.tag is None:
        found = select(c.id).where(*own, *(column == value for column, value in asked.items()))
        found = found.order_by(newest_first)
    else:  # which no index knows: so many are looked at, whatever else is asked for
        columns = select(c.id, c.tags, *asked).where(*own).order_by(newest_first)
        walked = columns.limit(looked_at).subquery("walked").c
        alike = (walked[column.name] == value for column, value in asked.items())
        found = select(walked.id).where(has_tag(walked.tags, query.tag), *alike).order_by(walked.id.desc())
    ids = list(connection.execute(found.limit(query.limit + 1)).scalars())
    shown, following = ids[: query.limit], None
    if len(ids) > query.limit:
        following = shown[-1]
    elif query.tag is not None:
        reached = select(c.id).where(*own).order_by(newest_first).offset(looked_at - 1).limit(1)
        following = connection.execute(reached).scalar()
    read = load(connection, shown)
    return [read[name] for name in shown], following


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
