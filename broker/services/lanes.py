"""Where a message waits: for its slot, or for its time."""

from broker.domain.account import Connection
from broker.domain.message import Message
from broker.domain.pace import price
from broker.keyspace.flows import flow
from broker.keyspace.lanes import Place, score_of
from broker.keyspace.schedule import Later


def leader_of(message: Message) -> str:
    """Return the id that stands in lists for a message: its own, or that of its group's first."""
    return message.members[0] if message.group else message.id


def place_of(message: Message, connection: Connection) -> Place:
    """Return a message's place in its lane."""
    since = message.created_at if message.send_at is None else max(message.created_at, message.send_at)
    return Place(
        id=message.id,
        connection=connection.name,
        sender=message.originator,
        score=score_of(
            message.priority,
            since_ms=round(since.timestamp() * 1000),
            price=price(message, connection.mps_unit),
        ),
    )


def later_of(message: Message, due_at: int) -> Later:
    """Return a message's entry in the schedule: once it is due it takes turns with those of other senders."""
    turns = flow(message.originator, message.priority)
    return Later(id=leader_of(message), flow=turns, due_at=due_at)
