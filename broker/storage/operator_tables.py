"""The table of the people of the console."""

from sqlalchemy import Column, String, Table, Text

from broker.storage.metadata import SHARED

operators = Table(
    "operators",
    SHARED,
    Column("name", String(64), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),
)
