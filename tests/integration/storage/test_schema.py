"""The migrations make what tables.py says."""

from pathlib import Path

from broker.storage import schema


def test_no_table_says_what_no_migration_does(database_url: str) -> None:
    schema.check(database_url)


def test_a_database_without_the_schema_is_not_current(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert not schema.is_current(url)
    schema.upgrade(url)
    schema.upgrade(url)
    assert schema.is_current(url)
