"""The part of the schema that holds opt-outs, and the rules of accounts."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED, Serial

account_rules = Table(
    "account_rules",
    SHARED,
    Column("account", String(64), primary_key=True),
    Column("opt_outs", String(8), nullable=False),  # broker or customer: who sees to them
    Column("stop_answer", Text),
    Column("start_answer", Text),
    Column("help_answer", Text),
    # Absent: as the settings say.
    Column("keep_text_days", Integer),
    Column("keep_media_days", Integer),
    Column("keep_events_days", Integer),
)

opt_outs = Table(
    "opt_outs",
    SHARED,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column(
        "key", String(64), nullable=False
    ),  # of sender and recipient: holds after the recipient was erased
    Column("account", String(64), nullable=False),
    Column("sender", String(255), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("message_id", String(36)),
    Column("text", Text, nullable=False),
    Index("ix_opt_outs_key", "key", unique=True),
    Index("ix_opt_outs_account_id", "account", "id"),
    Index("ix_opt_outs_recipient", "recipient"),
)

opt_out_changes = Table(
    "opt_out_changes",
    SHARED,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False),
    Column("wish", String(5), nullable=False),  # stop or start; help where it was answered
    Column("account", String(64), nullable=False),
    Column("sender", String(255), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("message_id", String(36)),
    Column("text", Text, nullable=False),
    Column("answer", String(36)),  # the message that says it was heard: it may go out all the same
    Index("ix_opt_out_changes_key_at", "key", "at"),
    Index("ix_opt_out_changes_account_id", "account", "id"),
    Index("ix_opt_out_changes_recipient", "recipient"),
)
