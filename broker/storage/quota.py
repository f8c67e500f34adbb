"""What an account has used, counted from the record; Redis counts faster, and is seeded from here."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from broker.domain.ids import first_id_of
from broker.domain.message import Direction
from broker.storage.tables import messages

_CHUNK = 500


def used_since(connection: Connection, account: str, since: datetime) -> int:
    """Return how many requests of an account the record holds since a moment: a batch is one request."""
    request = func.coalesce(messages.c.batch, messages.c.id)
    return connection.execute(
        select(func.count(request.distinct())).where(
            messages.c.account == account,
            messages.c.id >= first_id_of(since),
            messages.c.created_at >= since,
            messages.c.direction == Direction.OUT,
        )
    ).scalar_one()


def recorded(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Return those of the messages that are on record."""
    return {
        name
        for some in _chunks(sorted(ids))
        for name in connection.execute(select(messages.c.id).where(messages.c.id.in_(some))).scalars()
    }


def recorded_batches(connection: Connection, batches: Collection[str]) -> set[str]:
    """Return those of the batches of which any message is on record."""
    return {
        name
        for some in _chunks(sorted(batches))
        for name in connection.execute(
            select(messages.c.batch).where(messages.c.batch.in_(some)).distinct()
        ).scalars()
        if name is not None
    }


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for n in range(0, len(names), _CHUNK):
        yield names[n : n + _CHUNK]
