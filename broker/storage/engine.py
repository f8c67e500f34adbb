"""Open a database so that its commits are durable."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.types import TypeDecorator

READING = "broker_reading"
"""Execution option of a transaction that only reads, so that SQLite need not lock for it."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC time, kept as whole Unix milliseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the milliseconds."""
        return None if value is None else round(value.timestamp() * 1000)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time."""
        return None if value is None else datetime.fromtimestamp(value / 1000, tz=UTC)


def open_engine(url: str) -> Engine:
    """Return an engine for SQLite (WAL, fsync at each commit, writers queue up for 5 s) or PostgreSQL."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 5.0})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if url.startswith("postgresql://"):
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=8,
        connect_args={
            "connect_timeout": 5,
            "options": "-c synchronous_commit=on -c statement_timeout=30000 -c lock_timeout=5000 -c timezone=UTC",
        },
    )


def purge(engine: Engine) -> bool:
    """Cut off SQLite's log once nobody reads it, trying for a second; return whether that was possible."""
    if engine.dialect.name != "sqlite":
        return True
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        # It keeps others from writing while it waits for readers, so it must not wait for long.
        cursor.execute("PRAGMA busy_timeout=100")
        try:
            return any(_is_cut_off(cursor) for _ in range(10))
        finally:
            cursor.execute("PRAGMA busy_timeout=5000")
    finally:
        raw.close()


def _is_cut_off(cursor: Any) -> bool:
    busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def _prepare_sqlite(raw: Any, record: object) -> None:  # noqa: ARG001
    # The driver's own transaction handling is off: _begin_sqlite says when one starts, and how.
    raw.isolation_level = None
    cursor = raw.cursor()
    # Without secure_delete what was deleted stays readable in the file; it costs nothing that can be measured.
    pragmas = (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=5000",
        "temp_store=MEMORY",
        "secure_delete=ON",
    )
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
