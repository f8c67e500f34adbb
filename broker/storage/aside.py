"""Messages that are set aside: leave them alone until their deadline, or bring them back."""

from collections.abc import Collection, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, select, update

from broker.domain.dead import Kind
from broker.domain.message import Message
from broker.domain.status import ENDS, Event, Status, sources
from broker.domain.value import replace, value
from broker.storage import history
from broker.storage.messages import Fresh, add
from broker.storage.rows import message_row, part_row
from broker.storage.tables import messages, parts
from broker.storage.writing import insert_ignore

WAITING = {
    Kind.MESSAGE: sources(Event.CLAIM),
    Kind.MEDIA: (Status.PREPARING, Status.FETCHING),
}
"""States in which a message can be set aside: a worker has it to do, and no carrier has it."""

_CONTENT = ("text", "subject", "tags", "reference", "note", "subaccount")


@value
class Aside:
    """A message that is set aside, as far as it is needed to find it again."""

    id: str
    account: str
    connection: str | None


def bare(message: Message) -> Message:
    """Return a message without anything in it that its customer wrote: that may be what breaks its record."""
    return replace(message, text="", subject="", tags=(), parts=(), reference=None, note="", subaccount="")


def enter(connection: Connection, admitted: Collection[Message]) -> list[Aside]:
    """Record messages without their content, and leave them alone until their validity ends."""
    fresh = [
        Fresh(message=bare(one), event=None, due_at=round(one.valid_until.timestamp() * 1000))
        for one in admitted
    ]
    added = add(connection, fresh)
    return [
        Aside(id=one.id, account=one.account, connection=one.connection)
        for one in admitted
        if one.id in added
    ]


def hold(connection: Connection, ids: Collection[str], kind: Kind) -> list[Aside]:
    """Leave messages on record alone until their validity ends; return those that waited for a worker."""
    statement = (
        update(messages)
        .where(messages.c.id.in_(sorted(ids)), messages.c.status.in_(WAITING[kind]))
        .values(due_at=messages.c.valid_until)
        .returning(messages.c.id, messages.c.account, messages.c.connection)
    )
    return [Aside(**row) for row in connection.execute(statement).mappings()]


def restore(connection: Connection, message: Message, *, due_at: int) -> bool:
    """Give a message that is on record without its content all that it came with; say whether it still waits."""
    row = message_row(
        message,
        status=Status.ACCEPTED,
        attempts=0,
        due_at=due_at,
        connection=message.connection,
        inbound_key=None,
    )
    here = (messages.c.id == message.id, messages.c.status == Status.ACCEPTED)
    changed = {"due_at": due_at, **{name: row[name] for name in _CONTENT}}
    if not connection.execute(update(messages).where(*here).values(**changed)).rowcount:
        return False
    pieces = [part_row(message.id, part) for part in message.parts]
    if pieces:
        connection.execute(insert_ignore(connection, parts), pieces)
    return True


def wake(connection: Connection, ids: Sequence[str], kind: Kind, *, due_at: int) -> set[str]:
    """Look at messages again that were held; return those that still wait."""
    statement = (
        update(messages)
        .where(messages.c.id.in_(ids), messages.c.status.in_(WAITING[kind]))
        .values(due_at=due_at)
        .returning(messages.c.id)
    )
    return set(connection.execute(statement).scalars())


def tell(connection: Connection, ids: Collection[str], at: datetime, detail: str) -> None:
    """Keep in the messages' histories that they were set aside, or put back."""
    key = f"{Event.PARK}.{round(at.timestamp() * 1000)}"
    history.keep(connection, [history.event_row(name, key, at, Event.PARK, None, detail) for name in ids])


def members(connection: Connection, message_id: str) -> list[str]:
    """Return the messages of a group that its leader stands for, or the message itself."""
    found = connection.execute(select(messages.c.members).where(messages.c.id == message_id)).scalar()
    return list(orjson.loads(found)) if found else [message_id]


def ended(connection: Connection, ids: Collection[str]) -> set[str]:
    """Return those of the messages that have come to an end."""
    statement = select(messages.c.id).where(messages.c.id.in_(sorted(ids)), messages.c.status.in_(ENDS))
    return set(connection.execute(statement).scalars())
