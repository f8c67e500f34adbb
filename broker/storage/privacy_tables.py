"""The part of the schema that holds what was removed, and how far the removal has come."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED

redactions = Table(
    "redactions",
    SHARED,
    Column("message_id", String(36), primary_key=True),
    Column("at", Instant, nullable=False),
    # What a bill says of the text that is gone.
    Column("bytes", Integer, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("mms", Boolean, nullable=False),
)

retention = Table(
    "retention",
    SHARED,
    Column("account", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("after", String(36), nullable=False),  # the last message that had its turn
    Column("done", BigInteger, nullable=False),  # messages whose content of this kind was removed
    Column("at", Instant, nullable=False),
)

overlooked = Table(
    "overlooked",
    SHARED,
    Column("owner", String(80), primary_key=True),  # whose turn it was: an account and kind, or an erasure
    Column("message_id", String(36), primary_key=True),
)

erasures = Table(
    "erasures",
    SHARED,
    Column("id", String(36), primary_key=True),
    Column("subject", String(40), nullable=False),  # the keyed name of the number
    Column("number", Text),  # sealed; absent once it is done
    Column("at", Instant, nullable=False),
    Column("who", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("step", String(10), nullable=False),
    Column("after", String(64), nullable=False),
    Column("counts", Text, nullable=False),  # JSON object: what was erased so far
    Column("ended_at", Instant),
)
