"""Messages whose files are with us, for operators to look through."""

from typing import Any

from sqlalchemy import Connection, Select, select

from broker.domain.ids import made_at
from broker.domain.message import PartState
from broker.domain.search import FileSearch, Found
from broker.storage.messages import load
from broker.storage.tables import messages, parts
from broker.storage.walking import LOOKED_AT

c = parts.c


def page(sql: Connection, search: FileSearch, *, looked_at: int = LOOKED_AT) -> Found:
    """Return messages, the newest first, by walking down the parts' key past at most `looked_at` messages."""
    within = _walk(search).limit(looked_at).subquery("walked")
    wanted = select(within.c.message_id).distinct().join(parts, c.message_id == within.c.message_id)
    wanted = wanted.where(c.state == PartState.STORED)
    if search.kind:
        wanted = wanted.where(c.content_type.startswith(search.kind, autoescape=True))
    if search.account:
        wanted = wanted.join(messages, messages.c.id == within.c.message_id)
        wanted = wanted.where(messages.c.account == search.account)
    ids = list(sql.execute(wanted.order_by(within.c.message_id.desc()).limit(search.limit + 1)).scalars())
    shown = ids[: search.limit]
    known = load(sql, shown)
    found = tuple(known[one] for one in shown)
    if len(ids) > search.limit:
        return Found(messages=found, older=shown[-1])
    last = sql.execute(_walk(search).offset(looked_at - 1).limit(1)).scalar()
    if last is None:
        return Found(messages=found)
    return Found(messages=found, older=last, looked_to=made_at(last))


def _walk(search: FileSearch) -> Select[Any]:
    walk = select(c.message_id).distinct().order_by(c.message_id.desc())
    if search.cursor:
        walk = walk.where(c.message_id < search.cursor)
    if search.newest:
        walk = walk.where(c.message_id <= search.newest)
    if search.oldest:
        walk = walk.where(c.message_id >= search.oldest)
    return walk
