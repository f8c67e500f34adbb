"""What an account has used, counted from the record; Redis counts faster, and is seeded from here."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from broker.domain.message import Direction
from broker.storage.tables import accounts, messages


def used_since(connection: Connection, account: str, since: datetime) -> int:
    """Return how many requests of an account the record holds since a moment: a batch is one request."""
    request = func.coalesce(messages.c.batch, messages.c.id)
    return connection.execute(
        select(func.count(request.distinct())).where(
            messages.c.account == account,
            messages.c.id >= _first_id_of(since),
            messages.c.direction == Direction.OUT,
        )
    ).scalar_one()


def credit(connection: Connection, account: str) -> int | None:
    """Return an account's prepaid credit; absent: unlimited."""
    return connection.execute(select(accounts.c.credit).where(accounts.c.name == account)).scalar()


def credit_left(connection: Connection, account: str) -> int | None:
    """Return what an account's prepaid credit leaves after every message on record; absent: unlimited."""
    whole = credit(connection, account)
    if whole is None:
        return None
    sent = select(func.count()).where(messages.c.account == account, messages.c.direction == Direction.OUT)
    return whole - connection.execute(sent).scalar_one()


def _first_id_of(moment: datetime) -> str:
    """Return the lowest id that could have been made at a moment, so that the primary key serves as the clock."""
    stamp = f"{round(moment.timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}"
