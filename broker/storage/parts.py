"""Part rows: who fetches them, and what came of it."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from broker.domain.message import Part, PartState, Tag
from broker.domain.status import Status
from broker.storage.rows import dump_tags, load_tags, part_of
from broker.storage.tables import messages, parts

_AT_MEDIA = (Status.PREPARING, Status.FETCHING)
_RECORD = (
    update(parts)
    .where(parts.c.message_id == bindparam("b_id"), parts.c.idx == bindparam("b_idx"))
    .values(
        content_type=bindparam("b_content_type"),
        name=bindparam("b_name"),
        kind=bindparam("b_kind"),
        state=bindparam("b_state"),
        size=bindparam("b_size"),
        sha256=bindparam("b_sha256"),
        path=bindparam("b_path"),
        error=bindparam("b_error"),
    )
)


def stored(connection: Connection, message_id: str, index: int, *, account: str) -> Part | None:
    """Return a part of an account's own message, if its bytes are at home."""
    statement = (
        select(parts)
        .join(messages, messages.c.id == parts.c.message_id)
        .where(
            parts.c.message_id == message_id,
            parts.c.idx == index,
            parts.c.state == PartState.STORED,
            messages.c.account == account,
        )
    )
    row = connection.execute(statement).mappings().first()
    return None if row is None else part_of(row)


def waiting(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Return those of the messages whose parts wait for work, or are being worked on."""
    statement = select(messages.c.id).where(messages.c.id.in_(ids), messages.c.status.in_(_AT_MEDIA))
    return set(connection.execute(statement).scalars())


def lease(connection: Connection, ids: Sequence[str], now_ms: int, until_ms: int) -> list[str]:
    """Claim messages whose parts are due for work until `until_ms`; return the ids that were free."""
    statement = (
        update(messages)
        .where(
            messages.c.id.in_(ids),
            messages.c.status.in_(_AT_MEDIA),
            messages.c.due_at <= now_ms,
        )
        .values(due_at=until_ms)
        .returning(messages.c.id)
    )
    return list(connection.execute(statement).scalars())


def renew(connection: Connection, ids: Sequence[str], until_ms: int, *, was_ms: int) -> list[str]:
    """Keep messages that were claimed until `was_ms` for longer; return those that nobody else claimed meanwhile."""
    statement = (
        update(messages)
        .where(
            messages.c.id.in_(ids),
            messages.c.status.in_(_AT_MEDIA),
            messages.c.due_at == was_ms,
        )
        .values(due_at=until_ms)
        .returning(messages.c.id)
    )
    return list(connection.execute(statement).scalars())


def postpone(connection: Connection, message_id: str, until_ms: int) -> None:
    """Look at a message's parts again at `until_ms`."""
    connection.execute(
        update(messages)
        .where(messages.c.id == message_id, messages.c.status.in_(_AT_MEDIA))
        .values(due_at=until_ms)
    )


def record(connection: Connection, message_id: str, changed: Sequence[Part]) -> None:
    """Write what is now known of parts. A part that is stored stays stored."""
    stored = set(
        connection.execute(
            select(parts.c.idx).where(parts.c.message_id == message_id, parts.c.state == PartState.STORED)
        ).scalars()
    )
    rows = [
        {
            "b_id": message_id,
            "b_idx": part.index,
            "b_content_type": part.content_type,
            "b_name": part.name,
            "b_kind": part.kind,
            "b_state": part.state,
            "b_size": part.size,
            "b_sha256": part.sha256,
            "b_path": part.path,
            "b_error": part.error,
        }
        for part in changed
        if part.state is PartState.STORED or part.index not in stored
    ]
    if rows:
        connection.execute(_RECORD, rows)


def lose(connection: Connection, ids: Sequence[str], error: str) -> None:
    """Give up the parts of messages that are not here."""
    if ids:
        missing = update(parts).where(parts.c.message_id.in_(ids), parts.c.state == PartState.PENDING)
        connection.execute(missing.values(state=PartState.LOST, error=error))


def unprepared(connection: Connection, paths: Sequence[str]) -> list[str]:
    """Return those of the paths that a message names which has no copy of its own yet."""
    # Such a message is being prepared, so it is due some time: the index of what is due finds it.
    statement = (
        select(parts.c.path)
        .join(messages, messages.c.id == parts.c.message_id)
        .where(messages.c.due_at.is_not(None), messages.c.status == Status.PREPARING, parts.c.path.in_(paths))
    )
    return [path for path in connection.execute(statement).scalars() if path is not None]


def tag(connection: Connection, message_id: str, tags: Sequence[Tag]) -> None:
    """Set tags of a message by name; others stay."""
    was = connection.execute(select(messages.c.tags).where(messages.c.id == message_id)).scalar_one()
    merged = {item.name: item for item in (*load_tags(was), *tags)}
    connection.execute(
        update(messages).where(messages.c.id == message_id).values(tags=dump_tags(tuple(merged.values())))
    )
