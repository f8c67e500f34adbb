"""The part of the schema that holds dead letters."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, text

from broker.storage.engine import Instant
from broker.storage.metadata import SHARED

OPEN = "standing IN ('parked', 'leaving')"
"""Dead letters that wait for somebody. To be said in these words, or the databases do not see that the index fits."""

dead_letters = Table(
    "dead_letters",
    SHARED,
    Column("id", String(36), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("subject", String(64), nullable=False),  # a message's id, a webhook's digest, a callback's id
    Column("family", String(36)),  # the leader of a group message: its members leave together
    Column("account", String(64)),
    Column("connection", String(64)),
    Column("at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", String(255), nullable=False),
    Column("trace", Text, nullable=False),  # JSON list of places in the code
    Column("content", Text),  # sealed; absent where another table has it, and once it is settled
    Column("standing", String(9), nullable=False),
    # What people wanted: to be done from then on (Redis's clock, in ms), by whom and why.
    Column("wanted", String(9)),
    Column("due_at", BigInteger),
    Column("settled_at", Instant),
    Column("settled_by", String(64)),
    Column("reason", Text, nullable=False),
    Column("job", String(36), index=True),  # of what was wanted together: the latest that meant this letter
    Index(
        "ix_dead_letters_kind_subject",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text(OPEN),
        postgresql_where=text(OPEN),
    ),
    Index("ix_dead_letters_subject", "subject"),
)
