"""The audit: who did what and when. It is only ever added to."""

from datetime import datetime

import orjson
from sqlalchemy import Connection, or_, select

from broker.domain.deed import Deed, DeedQuery, Door, Noted, kept
from broker.storage.audit_tables import audit

c = audit.c


def note(connection: Connection, deed: Deed, *, at: datetime) -> None:
    """Write a deed down, with every number in it masked."""
    row = {
        "at": at,
        "operator": deed.operator,
        "door": deed.door,
        "action": deed.action,
        "subject": kept(deed.subject),
        "reason": kept(deed.reason),
        "details": orjson.dumps({name: kept(text) for name, text in deed.details.items()}).decode(),
        "refused": kept(deed.refused),
    }
    connection.execute(audit.insert(), [row])


def page(connection: Connection, query: DeedQuery) -> tuple[list[Noted], int | None]:
    """Return deeds, the newest first, and the number that the page ends with if there are more."""
    wanted = [] if query.before is None else [c.id < query.before]
    asked = {name: getattr(query, name) for name in ("operator", "action", "subject")}
    wanted += [c[name] == value for name, value in asked.items() if value]
    if query.kinds:
        wanted.append(or_(*(c.action.startswith(f"{kind} ", autoescape=True) for kind in query.kinds)))
    statement = select(audit).where(*wanted).order_by(c.id.desc()).limit(query.limit + 1)
    rows = connection.execute(statement).mappings().all()
    found = [
        Noted(**{**row, "door": Door(row["door"]), "details": orjson.loads(row["details"])})
        for row in rows[: query.limit]
    ]
    return found, found[-1].id if len(rows) > query.limit else None


def actions(connection: Connection) -> list[str]:
    """Return every word for an action that was used; each is found by the index."""
    found: list[str] = []
    while True:
        wanted = select(c.action).order_by(c.action).limit(1)
        if found:
            wanted = wanted.where(c.action > found[-1])
        following = connection.execute(wanted).scalar()
        if following is None:
            return found
        found.append(following)
