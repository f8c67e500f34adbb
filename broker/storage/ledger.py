"""The ledger: what the door counted, where its messages are, and what a check found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from broker.domain.dead import Kind
from broker.domain.dead import Standing as LetterStanding
from broker.domain.ids import first_id_of
from broker.domain.ledger import HOUR_MS, Line, Standing, hour_at
from broker.domain.message import Direction
from broker.domain.optout import ANSWER
from broker.domain.status import ENDS, Event, Status, sources
from broker.storage.tables import dead_letters, ledger, ledger_checks, messages
from broker.storage.writing import insert_into

Page = tuple[str, int]
"""An account, and an hour counted from the Unix epoch."""

WAITING = frozenset({*sources(Event.CLAIM), Status.PREPARING})
_SEEN = ("accepted", "waiting", "in_flight", "final", "parked", "difference", "checked_at")
_SET_ASIDE = (Kind.MESSAGE, Kind.MEDIA)


def noted(connection: Connection, since: datetime) -> dict[tuple[str, Page], int]:
    """Return what was noted of the door's counts, by their lives and pages."""
    rows = connection.execute(select(ledger).where(ledger.c.hour >= since))
    return {(row.epoch, (row.account, _number(row.hour))): row.accepted for row in rows}


def note(connection: Connection, epoch: str, counted: Mapping[Page, int]) -> None:
    """Note what the door counted: so it outlives Redis."""
    rows = [
        {"epoch": epoch, "account": account, "hour": hour_at(hour), "accepted": number}
        for (account, hour), number in sorted(counted.items())
    ]
    if rows:
        insert = insert_into(connection, ledger)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=["epoch", "account", "hour"], set_={"accepted": insert.excluded.accepted}
            ),
            rows,
        )


def standing(connection: Connection, hour: int) -> dict[str, Standing]:
    """Return where the recorded messages of an hour are, by account."""
    first, last = first_id_of(hour_at(hour)), first_id_of(hour_at(hour + 1))
    rows = connection.execute(
        select(messages.c.account, messages.c.status, func.count())
        .where(
            messages.c.id >= first,
            messages.c.id < last,
            messages.c.direction == Direction.OUT,
            messages.c.dialect != ANSWER,  # these were never accepted
        )
        .group_by(messages.c.account, messages.c.status)
    ).all()
    counts: dict[str, Counter[str]] = {}
    for account, status, number in rows:
        counts.setdefault(account, Counter())[_place(Status(status))] += number
    _set_aside(connection, counts, first, last)
    return {account: Standing(**found) for account, found in counts.items()}


def checks(connection: Connection, *, since: datetime, account: str | None = None) -> list[Line]:
    """Return what the last checks found, the oldest hour first."""
    statement = select(ledger_checks).where(ledger_checks.c.hour >= since)
    if account is not None:
        statement = statement.where(ledger_checks.c.account == account)
    ordered = statement.order_by(ledger_checks.c.hour, ledger_checks.c.account)
    return [
        Line(
            account=row.account,
            hour=row.hour,
            accepted=row.accepted,
            standing=Standing(
                waiting=row.waiting, in_flight=row.in_flight, final=row.final, parked=row.parked
            ),
            difference=row.difference,
            checked_at=row.checked_at,
        )
        for row in connection.execute(ordered)
    ]


def keep(connection: Connection, lines: Sequence[Line]) -> None:
    """Keep what a check found."""
    rows = [
        {
            "account": line.account,
            "hour": line.hour,
            "accepted": line.accepted,
            "waiting": line.standing.waiting,
            "in_flight": line.standing.in_flight,
            "final": line.standing.final,
            "parked": line.standing.parked,
            "difference": line.difference,
            "checked_at": line.checked_at,
        }
        for line in lines
    ]
    if rows:
        insert = insert_into(connection, ledger_checks)
        seen = {name: insert.excluded[name] for name in _SEEN}
        connection.execute(insert.on_conflict_do_update(index_elements=["account", "hour"], set_=seen), rows)


def _set_aside(connection: Connection, counts: dict[str, Counter[str]], first: str, last: str) -> None:
    """Count what is set aside as parked and nowhere else; what cannot be recorded is known by its letter only."""
    letter = dead_letters.c
    rows = connection.execute(
        select(letter.account, letter.standing, letter.kind, messages.c.status)
        .join_from(dead_letters, messages, and_(messages.c.id == letter.subject), isouter=True)
        .where(
            letter.subject >= first,
            letter.subject < last,
            letter.kind.in_(_SET_ASIDE),
            letter.account.is_not(None),
            letter.standing != LetterStanding.PUT_BACK,
        )
    )
    for account, state, kind, status in rows:
        found = counts.setdefault(account, Counter())
        if state == LetterStanding.DISCARDED:
            found["final"] += status is None and kind == Kind.MESSAGE
        elif status is None:
            found["parked"] += 1
        elif Status(status) in WAITING:
            found["waiting"] -= 1
            found["parked"] += 1


def _place(status: Status) -> str:
    if status in ENDS:
        return "final"
    return "waiting" if status in WAITING else "in_flight"


def _number(hour: datetime) -> int:
    return round(hour.timestamp() * 1000) // HOUR_MS
