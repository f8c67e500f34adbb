"""Take content out of messages that have come to their end; the rows stay."""

from collections.abc import Collection, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from broker.domain.callback import CallbackState
from broker.domain.message import Direction, PartState
from broker.domain.status import ENDS, Status
from broker.domain.text import segments
from broker.storage.privacy_tables import redactions
from broker.storage.tables import callbacks, events, logbook, messages, parts, submissions, webhooks
from broker.storage.writing import insert_ignore

NOTHING = b"[]"
"""What is left of a carrier's webhook: it says nothing, also to whoever reads it again."""

_CLOSED = or_(
    messages.c.status.in_(ENDS),
    and_(messages.c.direction == Direction.IN, messages.c.status.in_((Status.READY, Status.INCOMPLETE))),
)
_UNTAG = update(messages).where(messages.c.id == bindparam("b_id")).values(tags=bindparam("b_tags"))


def closed(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Return those of the messages with which nothing more will be done, and of which nobody is to be told."""
    ended = select(messages.c.id).where(messages.c.id.in_(ids), _CLOSED).order_by(messages.c.id)
    found = list(connection.execute(ended).scalars())
    owed = select(callbacks.c.message_id).where(
        callbacks.c.message_id.in_(found), callbacks.c.state == CallbackState.OWED
    )
    waiting = set(connection.execute(owed).scalars())
    return [name for name in found if name not in waiting]


def blank_texts(connection: Connection, ids: Sequence[str], at: datetime) -> int:
    """Remove texts and subjects, also from the carriers' webhooks that told of them; return of how many messages."""
    sight = select(messages.c.id, messages.c.text, messages.c.subject).where(
        messages.c.id.in_(ids), or_(messages.c.text != "", messages.c.subject != "")
    )
    rows = [
        {
            "message_id": row.id,
            "at": at,
            "bytes": len(row.text.encode()),
            "segments": segments(row.text).parts,
            "mms": bool(row.subject),
        }
        for row in connection.execute(sight)
    ]
    blank_webhooks(connection, ids)
    if rows:
        connection.execute(insert_ignore(connection, redactions), rows)
        gone = [row["message_id"] for row in rows]
        connection.execute(update(messages).where(messages.c.id.in_(gone)).values(text="", subject=""))
    return len(rows)


def blank_webhooks(connection: Connection, ids: Sequence[str]) -> None:
    """Remove what carriers posted about messages."""
    told = select(events.c.webhook).where(events.c.message_id.in_(ids), events.c.webhook.is_not(None))
    digests = sorted(set(connection.execute(told).scalars()))
    if digests:
        connection.execute(update(webhooks).where(webhooks.c.digest.in_(digests)).values(body=NOTHING))


def files(connection: Connection, ids: Sequence[str]) -> list[tuple[str, str]]:
    """Return the paths of messages' files, each with its message."""
    stored = select(parts.c.message_id, parts.c.path).where(
        parts.c.message_id.in_(ids), parts.c.state != PartState.REMOVED, parts.c.path.is_not(None)
    )
    return [(row.message_id, row.path) for row in connection.execute(stored)]


def remove_parts(connection: Connection, ids: Sequence[str]) -> int:
    """Say of messages' parts that they were removed; return how many were there. Their sizes stay, for the bill."""
    gone = (
        update(parts)
        .where(parts.c.message_id.in_(ids), parts.c.state != PartState.REMOVED)
        .values(state=PartState.REMOVED, path=None, url=None, name="", sha256="", error="")
    )
    removed = connection.execute(gone).rowcount
    tagged = select(messages.c.id, messages.c.tags).where(messages.c.id.in_(ids), messages.c.tags != "[]")
    rows = []
    for row in connection.execute(tagged):
        kept = [tag for tag in orjson.loads(row.tags) if not tag[0].startswith("attachment")]
        rows.append({"b_id": row.id, "b_tags": orjson.dumps(kept).decode()})
    if rows:
        connection.execute(_UNTAG, rows)
    return removed


def drop_history(connection: Connection, ids: Sequence[str]) -> int:
    """Delete the events and attempts of messages, and what the event log says of them; return how many rows."""
    tables = (
        (events, events.c.message_id),
        (submissions, submissions.c.message_id),
        (logbook, logbook.c.message_id),
    )
    return sum(connection.execute(delete(table).where(key.in_(ids))).rowcount for table, key in tables)


def page(connection: Connection, account: str, *, after: str, before: str, limit: int) -> Sequence[str]:
    """Return an account's messages from one id on and before another, in their order."""
    wanted = select(messages.c.id).where(
        messages.c.account == account, messages.c.id > after, messages.c.id < before
    )
    return connection.execute(wanted.order_by(messages.c.id).limit(limit)).scalars().all()


def accounts_with_messages(connection: Connection) -> Collection[str]:
    """Return every account that has messages, also those that are provisioned no more."""
    found: list[str] = []
    while True:
        last = found[-1] if found else ""
        following = select(messages.c.account).where(messages.c.account > last)
        name = connection.execute(following.order_by(messages.c.account).limit(1)).scalar()
        if name is None:
            return found
        found.append(name)
