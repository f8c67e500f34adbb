"""The table of saved views."""

from sqlalchemy import Column, String, Table, Text

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED

views = Table(
    "views",
    SHARED,
    Column("operator", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("query", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
