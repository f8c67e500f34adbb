"""The part of the schema that holds what each minute brought."""

from sqlalchemy import Column, Integer, Table, Text

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED

minutes = Table(
    "minutes",
    SHARED,
    Column("at", Instant, primary_key=True, autoincrement=False),  # its beginning
    Column("depth", Text),  # JSON, by queue: what waited when the minute was last seen
    # Of the messages that were made in it, as they stood when they were last counted; attempts that ended in it.
    Column("made", Integer),
    Column("sent", Integer),
    Column("good", Integer),
    Column("bad", Integer),
    Column("waits", Text),  # JSON: how many of a sample took about how long to their carriers
)
