"""The audit on both databases: added to, listed, and never changed."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from broker.domain.deed import LONGEST, Deed, DeedQuery, Door
from broker.domain.ids import new_id
from broker.storage import audit
from broker.storage.database import Database

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def note(database: Database, **deed: object) -> None:
    known = {"operator": "ada", "door": Door.API, "action": "callbacks replay", **deed}
    database.write(lambda sql: audit.note(sql, Deed(**known), at=NOW))  # type: ignore[arg-type]


def test_what_was_noted_is_listed_the_newest_first_by_who_what_and_to_what(database: Database) -> None:
    one = new_id()
    note(database, subject="acme", details={"rate": "5"})
    note(database, operator="oscar", action="messages reveal", subject=one, reason="asked")
    note(database, subject="acme", refused="no")

    def listed(**which: object) -> list[tuple[str, str, str]]:
        found, _ = database.read(lambda sql: audit.page(sql, DeedQuery(**which)))  # type: ignore[arg-type]
        return [(row.operator, row.subject, row.refused) for row in found]

    assert listed() == [("ada", "acme", "no"), ("oscar", one, ""), ("ada", "acme", "")]
    assert listed(operator="oscar") == listed(subject=one) == listed(action="messages reveal")
    assert listed(limit=1) == [("ada", "acme", "no")]
    (first, *_), last = database.read(lambda sql: audit.page(sql, DeedQuery(limit=2)))
    assert (first.at, first.door, first.details) == (NOW, Door.API, {})
    (oldest,), end = database.read(lambda sql: audit.page(sql, DeedQuery(before=last)))
    assert (oldest.details, end) == ({"rate": "5"}, None)
    assert database.read(audit.actions) == ["callbacks replay", "messages reveal"]


def test_numbers_are_masked_ids_are_whole_and_nothing_is_too_long(database: Database) -> None:
    one = "01930123-4567-7123-8123-123456789012"
    reason = f"+12025550101, (202) 555-0101, +1 202-555-0101 on 2026-11-21 12:00 and {one}"
    note(database, subject=one, reason=reason, details={"to": "x" * 1000}, refused="12025550101")
    ((row,), _) = database.read(lambda sql: audit.page(sql, DeedQuery()))
    assert row.subject == one
    assert row.reason == f"+1202***0101, +2025***0101, +1202***0101 on 2026-11-21 12:00 and {one}"
    assert row.refused == "12025***0101"
    assert len(row.details["to"]) == LONGEST


@pytest.mark.parametrize("what", ["UPDATE audit SET operator = 'nobody'", "DELETE FROM audit"])
def test_no_row_is_changed_or_deleted_by_whatever_means(database: Database, what: str) -> None:
    note(database)
    with pytest.raises(DatabaseError, match="only added to"):
        database.write(lambda sql: sql.execute(text(what)))
    assert len(database.read(lambda sql: audit.page(sql, DeedQuery()))[0]) == 1
