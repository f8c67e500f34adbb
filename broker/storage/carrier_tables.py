"""The tables of connections to carriers, and of who goes by which."""

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from broker.storage.metadata import SHARED

connections = Table(
    "connections",
    SHARED,
    Column("name", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("provider", String(32), nullable=False),
    Column("senders", Text, nullable=False),  # JSON list
    Column("media_hosts", Text, nullable=False),  # JSON list
    Column("mps", Float),
    Column("sender_mps", Float),
    Column("mps_unit", String(8), nullable=False, server_default="messages"),  # or segments
    Column("config", Text, nullable=False),  # sealed JSON
    Column("held_at", BigInteger),  # Redis's clock, in ms: since when nothing is submitted over it
    Column("held_reason", Text, nullable=False),
    Column("paused_at", BigInteger),  # as held_at, by a person, until a person ends it
    Column("paused_reason", Text, nullable=False, server_default=""),
    Column("paused_until", BigInteger),  # Redis's clock, in ms: when it ends by itself, if it does
    Column("paused_how", String(8), nullable=False, server_default="pause"),  # or hold, drain
)

routes = Table(
    "routes",
    SHARED,
    Column("account", String(64), primary_key=True),
    Column("sender", String(32), primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("fallback", String(64)),
)
