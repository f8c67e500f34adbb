"""The part of the schema that holds the audit."""

from sqlalchemy import Column, Index, String, Table, Text

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED, Serial

audit = Table(
    "audit",
    SHARED,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("operator", String(64), nullable=False),
    Column("door", String(8), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON object
    Column("refused", Text, nullable=False),
    Index("ix_audit_operator_id", "operator", "id"),
    Index("ix_audit_action_id", "action", "id"),
    Index("ix_audit_subject_id", "subject", "id"),
)
"""A row is never changed or deleted: the migration made triggers that refuse it."""
