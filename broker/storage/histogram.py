"""How many messages of a list were made when, counted over the newest of them."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Connection, func, select, type_coerce

from broker.domain.ids import made_at
from broker.domain.search import Search
from broker.domain.status import Status
from broker.storage.walking import c, filters, walk

COUNTED = 5_000
"""Most messages that are counted: each is read, and an account's lie far apart."""


def reach(sql: Connection, search: Search, *, looked_at: int = COUNTED) -> tuple[datetime | None, bool]:
    """Return when the oldest message was made that is looked at, and whether there are older ones."""
    ids = walk(search).with_only_columns(c.id)
    last = sql.execute(ids.offset(looked_at - 1).limit(1)).scalar()
    oldest = last or sql.execute(ids.order_by(None).order_by(c.id).limit(1)).scalar()
    return (made_at(oldest) if oldest else None), last is not None


def heights(
    sql: Connection, search: Search, width_ms: int, *, looked_at: int = COUNTED
) -> Mapping[datetime, Mapping[Status, int]]:
    """Return for each piece of time, by its beginning, how many of the messages looked at stand where."""
    within = walk(search).limit(looked_at).subquery("walked")
    piece = type_coerce(within.c.created_at, BigInteger) // width_ms
    counted = select(piece, within.c.status, func.count()).where(*filters(within.c, search))
    found: dict[datetime, dict[Status, int]] = {}
    for number, status, count in sql.execute(counted.group_by(piece, within.c.status)):
        at = datetime.fromtimestamp(int(number) * width_ms / 1000, tz=UTC)
        found.setdefault(at, {})[Status(status)] = count
    return found
