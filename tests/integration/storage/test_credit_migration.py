"""Credit that was a number of the account becomes a balance."""

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from broker.storage import credit, schema
from broker.storage.database import Database
from tests.factories import make_message

ACCOUNT = (
    "INSERT INTO accounts (name, password_hash, callback_dialect, mms, allowed_ips, credit, unknown_policy, timezone,"
    " country) VALUES (:name, '', 'native', true, '[]', :credit, 'resend', 'UTC', 'US')"
)
MESSAGE = (
    "INSERT INTO messages (id, account, dialect, direction, status, originator, recipient, text, subject, priority,"
    " tags, possible_duplicate, attempts, created_at, updated_at, valid_until) VALUES"
    " (:id, 'acme', 'native', :direction, 'submitted', '1', '2', '', '', 'normal', '[]', false, 1, 1, 1, 1)"
)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'broker.db'}")


def test_what_was_counted_by_rows_becomes_a_balance_and_back(database: Database, tmp_path: Path) -> None:
    config = schema._config(f"sqlite:///{tmp_path / 'broker.db'}")
    command.upgrade(config, "0004")

    def fill(sql) -> None:  # type: ignore[no-untyped-def]
        sql.execute(text(ACCOUNT), [{"name": "acme", "credit": 10}, {"name": "globex", "credit": None}])
        for direction in ("out", "out", "in"):
            sql.execute(text(MESSAGE), {"id": make_message().id, "direction": direction})

    database.write(fill)
    command.upgrade(config, "head")
    known = database.read(credit.standings)
    assert {name: (one.limited, one.balance, one.adjusted) for name, one in known.items()} == {
        "acme": (True, 8, 10)
    }
    units = database.read(
        lambda sql: sql.execute(text("SELECT units FROM messages ORDER BY direction DESC")).scalars().all()
    )
    assert units == [1, 1, 0]
    command.downgrade(config, "0004")
    back = database.read(
        lambda sql: sql.execute(text("SELECT name, credit FROM accounts ORDER BY name")).all()
    )
    assert [tuple(row) for row in back] == [("acme", 10), ("globex", None)]
    database.close()
