"""Bills: one for each message that an account sent, by its record."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from broker.domain.bill import Bill, BillingQuery
from broker.domain.ids import first_id_of
from broker.domain.message import Direction
from broker.domain.status import Status
from broker.domain.text import segments
from broker.storage.privacy_tables import redactions
from broker.storage.tables import messages, parts

c = messages.c
_SIGHT = (
    c.id,
    c.account,
    c.batch,
    c.number,
    c.subaccount,
    c.note,
    c.originator,
    c.recipient,
    c.subject,
    c.members,
    c.text,
    c.created_at,
    c.ended_at,
    c.status,
    c.units,
    c.provider_ref,
)


def page(connection: Connection, account: str, query: BillingQuery) -> tuple[list[Bill], str | None]:
    """Return an account's bills from the oldest on, and the id that the page ends with if there are more."""
    wanted = [c.account == account, c.direction == Direction.OUT]
    if query.since is not None:
        wanted += [c.id >= first_id_of(query.since), c.created_at >= query.since]
    if query.until is not None:
        wanted.append(c.created_at < query.until)
    if query.after is not None:
        wanted.append(c.id > query.after)
    statement = select(*_SIGHT).where(*wanted).order_by(c.id).limit(query.limit + 1)
    rows = connection.execute(statement).mappings().all()
    shown = rows[: query.limit]
    ids = [row["id"] for row in shown]
    media, gone = _media(connection, ids), _redacted(connection, ids)
    bills = [_bill(row, media.get(row["id"]), gone.get(row["id"])) for row in shown]
    return bills, bills[-1].message_id if len(rows) > query.limit else None


def _media(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return how many parts messages have, and their bytes together."""
    counted = select(parts.c.message_id, func.count(), func.sum(parts.c.size)).where(
        parts.c.message_id.in_(ids)
    )
    return {
        row[0]: (int(row[1]), int(row[2])) for row in connection.execute(counted.group_by(parts.c.message_id))
    }


def _redacted(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    """Return what is to be said of texts that are gone."""
    rows = connection.execute(select(redactions).where(redactions.c.message_id.in_(ids))).mappings()
    return {row["message_id"]: row for row in rows}


def _bill(row: Any, media: tuple[int, int] | None, gone: Any | None) -> Bill:
    is_mms = bool(media or row["subject"] or row["members"] or (gone and gone["mms"]))
    text = (
        (gone["bytes"], gone["segments"])
        if gone
        else (len(row["text"].encode()), segments(row["text"]).parts)
    )
    pieces, size = media or (0, 0)
    number = row["number"]
    return Bill(
        request_id=row["batch"] or row["id"] if number is None else str(number),
        message_id=row["id"],
        account=row["account"],
        subaccount=row["subaccount"] or "",
        note=row["note"] or "",
        originator=row["originator"],
        recipient=row["recipient"],
        kind="mms" if is_mms else "sms",
        accepted_at=row["created_at"],
        final_at=row["ended_at"],
        outcome=Status(row["status"]),
        bytes=size + text[0],
        parts=pieces if is_mms else text[1],
        units=row["units"],
        provider_ref=row["provider_ref"],
    )
