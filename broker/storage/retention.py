"""How far the removal of old content has come, and what it had to leave for later."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, update

from broker.domain.rules import Kept
from broker.storage.privacy_tables import overlooked, retention
from broker.storage.writing import insert_ignore

c = retention.c


def place(connection: Connection, account: str, kind: Kept) -> str:
    """Return the last message of an account that had its turn; empty before the first."""
    wanted = select(c.after).where(c.account == account, c.kind == kind)
    return connection.execute(wanted).scalar() or ""


def advance(
    connection: Connection, account: str, kind: Kept, *, was: str, after: str, done: int, at: datetime
) -> bool:
    """Note how far it has come; return whether nobody else came further meanwhile, and else note nothing."""
    blank = {"account": account, "kind": kind, "after": "", "done": 0, "at": at}
    connection.execute(insert_ignore(connection, retention), [blank])
    step = update(retention).where(c.account == account, c.kind == kind, c.after == was)
    return connection.execute(step.values(after=after, done=c.done + done, at=at)).rowcount > 0


def done(connection: Connection) -> dict[tuple[str, str], int]:
    """Return of how many messages what kind of content was removed, by account."""
    return {(row.account, row.kind): row.done for row in connection.execute(select(retention))}


def owner(account: str, kind: Kept) -> str:
    """Return under which name messages of an account are left for the removal of one kind of content."""
    return f"{account} {kind}"


def leave(connection: Connection, owner: str, ids: Collection[str]) -> None:
    """Note messages that could not be done in their turn."""
    if ids:
        rows = [{"owner": owner, "message_id": name} for name in sorted(ids)]
        connection.execute(insert_ignore(connection, overlooked), rows)


def left(connection: Connection, owner: str, *, after: str = "", limit: int) -> Sequence[str]:
    """Return messages that were left for later, in their order."""
    wanted = select(overlooked.c.message_id).where(
        overlooked.c.owner == owner, overlooked.c.message_id > after
    )
    return connection.execute(wanted.order_by(overlooked.c.message_id).limit(limit)).scalars().all()


def settle(connection: Connection, owner: str, ids: Collection[str]) -> None:
    """Forget about messages that were left for later and are done."""
    if ids:
        connection.execute(
            delete(overlooked).where(overlooked.c.owner == owner, overlooked.c.message_id.in_(ids))
        )


def count_left(connection: Connection, owner: str) -> int:
    """Return how many messages are left for later."""
    return connection.execute(select(func.count()).where(overlooked.c.owner == owner)).scalar_one()
