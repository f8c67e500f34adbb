"""Saved views: names that people gave to filters of the list of messages."""

from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from broker.storage.view_tables import views
from broker.storage.writing import upsert

c = views.c


def mine(sql: Connection, operator: str) -> list[tuple[str, str]]:
    """Return the names and queries of a person's views, by their names."""
    rows = sql.execute(select(c.name, c.query).where(c.operator == operator).order_by(c.name))
    return [(row.name, row.query) for row in rows]


def keep(sql: Connection, *, operator: str, name: str, query: str, at: datetime, most: int) -> bool:
    """Keep a view, in place of one of its name; say whether there was room for it."""
    others = select(func.count()).where(c.operator == operator, c.name != name)
    if sql.execute(others).scalar_one() >= most:
        return False
    upsert(sql, views, {"operator": operator, "name": name, "query": query, "at": at})
    return True


def drop(sql: Connection, *, operator: str, name: str) -> None:
    """Remove a view, if it is there."""
    sql.execute(delete(views).where(c.operator == operator, c.name == name))
