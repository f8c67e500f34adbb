"""Count messages."""

from sqlalchemy import Connection, func, select

from broker.domain.message import Direction
from broker.domain.status import Status
from broker.storage.tables import messages


def by_status(connection: Connection, *, since: str = "") -> dict[Status, int]:
    """Return how many outbound messages stand where, of those whose id is not below `since`."""
    rows = connection.execute(
        select(messages.c.status, func.count())
        .where(messages.c.id >= since, messages.c.direction == Direction.OUT)
        .group_by(messages.c.status)
    )
    return {Status(status): count for status, count in rows}
