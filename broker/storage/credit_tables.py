"""The part of the schema that holds prepaid credit."""

from sqlalchemy import BigInteger, Boolean, Column, Index, String, Table, Text

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED, Serial

balances = Table(
    "balances",
    SHARED,
    Column("account", String(64), primary_key=True),
    Column("limited", Boolean, nullable=False),  # whether the account must have credit to send
    Column("balance", BigInteger, nullable=False),  # without what is admitted and not on record yet
    # All that was ever given, taken and given back beside prices: what Redis's counter must learn of.
    Column("adjusted", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),  # of `adjusted`
)

credit_changes = Table(
    "credit_changes",
    SHARED,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("account", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("delta", BigInteger, nullable=False),
    Column("balance", BigInteger),  # what the customer saw afterwards; absent: unlimited
    Column("reason", Text, nullable=False),
    Column("who", String(64), nullable=False),
    Index("ix_credit_changes_account_id", "account", "id"),
)
