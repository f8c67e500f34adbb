"""Opt-outs: which are in force, and the journal of how they came and went."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Select, Table, delete, func, select, text

from broker.domain.optout import Change, Journalled, OptOut, OptOutQuery, Wish
from broker.storage.optout_tables import opt_out_changes, opt_outs
from broker.storage.writing import insert_ignore

c, journal = opt_outs.c, opt_out_changes.c

_STOPPED_SQLITE = text("SELECT key FROM opt_outs WHERE key IN (SELECT value FROM json_each(:keys))")
_STOPPED_POSTGRESQL = text("SELECT key FROM opt_outs WHERE key = ANY(CAST(:keys AS text[]))")


def stopped(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return which of the keys are of opt-outs in force."""
    # One parameter, however many keys: that takes a fifth of the time of a list of parameters.
    if connection.dialect.name == "postgresql":
        return set(connection.execute(_STOPPED_POSTGRESQL, {"keys": list(keys)}).scalars())
    return set(connection.execute(_STOPPED_SQLITE, {"keys": orjson.dumps(list(keys)).decode()}).scalars())


def answers(connection: Connection, keys: Collection[str]) -> set[str]:
    """Return the messages that answer wishes of these keys."""
    wanted = select(journal.answer).where(journal.key.in_(keys), journal.answer.is_not(None))
    return set(connection.execute(wanted).scalars())


def find(connection: Connection, key: str, *, sender: str, recipient: str) -> tuple[str, str] | None:
    """Return the key and the account of an opt-out in force, by its key, or by its recipient as it is shown."""
    for where in ((c.key == key,), (c.recipient == recipient, c.sender == sender)):
        row = connection.execute(select(c.key, c.account).where(*where)).first()
        if row is not None:
            return row.key, row.account
    return None


def one(connection: Connection, number: int) -> OptOut | None:
    """Return an opt-out in force by its number."""
    row = connection.execute(select(opt_outs).where(c.id == number)).mappings().first()
    return None if row is None else OptOut(**{name: row[name] for name in OptOut.__slots__})


def last_change(connection: Connection) -> int:
    """Return the number of the latest change, 0 where there is none."""
    return int(connection.execute(select(func.max(journal.id))).scalar() or 0)


def change(connection: Connection, key: str, wanted: Change, *, answer: str | None = None) -> bool:
    """Make one change and journal it, with the message that answers it; return whether it changed anything.

    A change that came before one that is made already changes nothing: it is late.
    """
    last = connection.execute(
        select(journal.at)
        .where(journal.key == key, journal.wish != Wish.HELP)
        .order_by(journal.at.desc())
        .limit(1)
    ).scalar()
    if last is not None and last > wanted.at:
        return False
    if wanted.wish is Wish.STOP:
        insert = insert_ignore(connection, opt_outs).returning(c.id)
        changed = connection.execute(insert, [_row(key, wanted)]).first() is not None
    else:
        changed = connection.execute(delete(opt_outs).where(c.key == key)).rowcount > 0
    if changed:
        note(connection, key, wanted, answer=answer)
    return changed


def note(connection: Connection, key: str, wanted: Change, *, answer: str | None) -> None:
    """Write what was wanted, and the message that answers it, into the journal."""
    row = {**_row(key, wanted), "wish": wanted.wish, "answer": answer}
    connection.execute(opt_out_changes.insert(), [row])


def answers_since(connection: Connection, key: str, since: datetime) -> int:
    """Return how many automatic answers went from a sender to a recipient."""
    counted = select(func.count()).where(journal.key == key, journal.at >= since, journal.answer.is_not(None))
    return connection.execute(counted).scalar_one()


def page(connection: Connection, query: OptOutQuery) -> tuple[list[OptOut], int | None]:
    """Return opt-outs in force, and the number that the page ends with if there are more."""
    rows = connection.execute(_page(opt_outs, query)).mappings().all()
    found = [OptOut(**{name: row[name] for name in OptOut.__slots__}) for row in rows[: query.limit]]
    return found, found[-1].id if len(rows) > query.limit else None


def changes(connection: Connection, query: OptOutQuery) -> tuple[list[Journalled], int | None]:
    """Return what was changed, and the number that the page ends with if there is more."""
    rows = connection.execute(_page(opt_out_changes, query)).mappings().all()
    found = [
        Journalled(**{name: row[name] for name in OptOut.__slots__}, wish=Wish(row["wish"]))
        for row in rows[: query.limit]
    ]
    return found, found[-1].id if len(rows) > query.limit else None


def _page(table: Table, query: OptOutQuery) -> Select[Any]:
    number = table.c.id
    wanted = [number > query.after]
    if query.newest_first:
        wanted = [number < query.after] if query.after else []
    for name in ("account", "sender", "recipient"):
        value = getattr(query, name)
        if value is not None:
            wanted.append(table.c[name] == value)
    return (
        select(table)
        .where(*wanted)
        .order_by(number.desc() if query.newest_first else number)
        .limit(query.limit + 1)
    )


def _row(key: str, wanted: Change) -> dict[str, Any]:
    return {
        "key": key,
        "account": wanted.account,
        "sender": wanted.sender,
        "recipient": wanted.recipient,
        "at": wanted.at,
        "who": wanted.who,
        "reason": wanted.reason,
        "message_id": wanted.message_id,
        "text": wanted.text,
    }
