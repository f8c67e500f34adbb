"""The part of the schema that holds the ledger."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED

ledger = Table(
    "ledger",
    SHARED,
    Column("epoch", String(36), primary_key=True),  # the life of Redis's counters: a lost one begins another
    Column("account", String(64), primary_key=True),
    Column("hour", Instant, primary_key=True),  # of the messages' ids
    Column("accepted", BigInteger, nullable=False),
    Index("ix_ledger_hour", "hour"),
)

ledger_checks = Table(
    "ledger_checks",
    SHARED,
    Column("account", String(64), primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("accepted", BigInteger, nullable=False),
    Column("waiting", BigInteger, nullable=False),
    Column("in_flight", BigInteger, nullable=False),
    Column("final", BigInteger, nullable=False),
    Column("parked", BigInteger, nullable=False),
    Column("difference", BigInteger, nullable=False),  # missing; below zero: more than was counted
    Column("checked_at", Instant, nullable=False),
    Index("ix_ledger_checks_hour", "hour"),
)
