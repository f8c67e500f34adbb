"""Two versions run side by side on one schema: a migration only adds what the version before need not know."""

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, MetaData, create_engine, inspect
from sqlalchemy.engine.reflection import Inspector

from broker.storage import schema

SINCE = "0009"
"""The revisions up to this one were never run side by side."""

SCRIPTS = ScriptDirectory.from_config(schema._config("sqlite://"))
LATER = sorted(
    (script.down_revision, script.revision)
    for script in SCRIPTS.walk_revisions()
    if script.down_revision and script.revision > SINCE
)


def at(url: str, revision: str) -> Inspector:
    """Bring a database to a revision, and return what is there."""
    command.upgrade(schema._config(url), revision)
    return inspect(create_engine(url))


def columns(found: Inspector, table: str) -> dict[str, dict[str, Any]]:
    return {column["name"]: dict(column) for column in found.get_columns(table)}


def unique(found: Inspector, table: str) -> set[tuple[str | None, ...]]:
    return {tuple(index["column_names"]) for index in found.get_indexes(table) if index["unique"]}


@pytest.mark.parametrize(("before", "after"), LATER)
def test_a_migration_only_adds(tmp_path: Path, before: str, after: str) -> None:
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    old = at(url, before)
    known = {table: columns(old, table) for table in old.get_table_names()}
    keys = {table: unique(old, table) for table in known}
    new = at(url, after)
    assert set(known) <= set(new.get_table_names()), "a table is gone"
    for table, had in known.items():
        now = columns(new, table)
        assert set(had) <= set(now), f"{table} has lost a column"
        for name, column in had.items():
            assert str(now[name]["type"]) == str(column["type"]), f"{table}.{name} has another type"
            assert now[name]["nullable"] or not column["nullable"], (
                f"{table}.{name} must not be absent any more"
            )
        for name in set(now) - set(had):
            fits = now[name]["nullable"] or now[name]["default"] is not None
            assert fits, f"the version before does not fill {table}.{name}"
        assert unique(new, table) <= keys[table], f"{table} refuses rows that it took"


def test_what_the_version_before_writes_fits_the_newest_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'broker.db'}"
    at(url, SINCE)
    engine = create_engine(url)
    old = MetaData()
    old.reflect(engine)
    at(url, "head")
    with engine.begin() as connection:
        for table in old.sorted_tables:
            if table.name != "alembic_version":
                row = {column.name: _value(column.type) for column in table.columns}
                connection.execute(table.insert(), row)
                connection.execute(table.update().values(row))
                assert len(connection.execute(table.select()).all()) == 1, table.name
    engine.dispose()


def _value(kind: Any) -> Any:
    for known, value in ((Boolean, True), (BigInteger, 1), (Integer, 1), (Float, 1.0), (LargeBinary, b"x")):
        if isinstance(kind, known):
            return value
    return "x"
