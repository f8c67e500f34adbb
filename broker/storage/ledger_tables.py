"""The part of the schema that holds what was accepted, as the door counted it."""

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
