"""Count messages."""

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from broker.domain.message import Direction
from broker.domain.status import Status
from broker.domain.value import value
from broker.storage.tables import messages

c = messages.c

Standing = Mapping[tuple[Direction, Status], int]
"""How many messages stand where, by direction and status."""


@value
class Stretch:
    """What was counted of the messages between two ids, both included; without any, both are empty."""

    counts: Standing
    first: str
    last: str

    @property
    def number(self) -> int:
        """How many messages were counted."""
        return sum(self.counts.values())


def by_status(connection: Connection, *, since: str = "") -> dict[Status, int]:
    """Return how many outbound messages stand where, of those whose id is not below `since`."""
    rows = connection.execute(
        select(messages.c.status, func.count())
        .where(messages.c.id >= since, messages.c.direction == Direction.OUT)
        .group_by(messages.c.status)
    )
    return {Status(status): count for status, count in rows}


def stretch(
    connection: Connection, *, since: str = "", below: str = "", most: int, oldest: bool = False
) -> Stretch:
    """Count messages from an id on and below another, by walking along the primary key past the newest `most` of them.

    Or past the oldest. Without an id there is no such end.
    """
    walked = select(c.id, c.direction, c.status).order_by(c.id if oldest else c.id.desc()).limit(most)
    if since:
        walked = walked.where(c.id >= since)
    if below:
        walked = walked.where(c.id < below)
    within = walked.subquery("walked").c
    kinds = (within.direction, within.status)
    rows = connection.execute(
        select(*kinds, func.count(), func.min(within.id), func.max(within.id)).group_by(*kinds)
    ).all()
    return Stretch(
        counts={(Direction(row[0]), Status(row[1])): row[2] for row in rows},
        first=min((row[3] for row in rows), default=""),
        last=max((row[4] for row in rows), default=""),
    )
