"""The whole schema, readable at one sitting."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    false,
    text,
)

from broker.storage import (
    carrier_tables,
    credit_tables,
    dead_tables,
    ledger_tables,
    minute_tables,
    operator_tables,
    optout_tables,
    privacy_tables,
    view_tables,
)
from broker.storage.audit_tables import audit
from broker.storage.engine import Instant
from broker.storage.metadata import Serial

connections, routes = carrier_tables.connections, carrier_tables.routes
balances, credit_changes = credit_tables.balances, credit_tables.credit_changes
opt_outs, opt_out_changes = optout_tables.opt_outs, optout_tables.opt_out_changes
redactions, retention = privacy_tables.redactions, privacy_tables.retention
dead_letters, operators = dead_tables.dead_letters, operator_tables.operators
ledger, ledger_checks = ledger_tables.ledger, ledger_tables.ledger_checks
views = view_tables.views
minutes = minute_tables.minutes
metadata = audit.metadata

IN_INBOX = "direction = 'in' AND marked_at IS NULL AND deleted_at IS NULL"
"""What waits for its customer. A query must say it in these words, or the databases do not see that the index fits."""

IN_LANE = "laned_at > 0"
"""What its lane must hold. To be said in these words, as above."""

ENDED_BADLY = "status IN ('rejected', 'failed', 'undelivered', 'expired')"
"""What operators ask for most. To be said in these words, as above."""

UNTOLD = "state IN ('given_up', 'held')"
"""Callbacks that nobody will tell by himself any more. To be said in these words, as above."""


def _some(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of some rows only."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


messages = Table(
    "messages",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("account", String(64), nullable=False),
    Column("dialect", String(16), nullable=False),
    Column("direction", String(3), nullable=False),
    Column("status", String(12), nullable=False),
    Column("originator", String(255), nullable=False),
    Column("recipient", String(255), nullable=False),
    Column("text", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("priority", String(6), nullable=False),
    Column("reference", String(255)),
    Column("tags", Text, nullable=False),  # JSON list of [name, value]
    Column("batch", String(36)),
    Column("members", Text),  # JSON list of ids, in a group only
    Column("connection", String(64)),
    Column("provider_ref", String(64)),
    Column("inbound_key", String(64)),  # what makes an arrival the same arrival
    Column("possible_duplicate", Boolean, nullable=False),
    Column("pinned", Boolean, nullable=False, server_default=false()),  # its customer named its connection
    Column("attempts", Integer, nullable=False),
    # Redis's clock, in ms: when somebody must look at it again. A lease, a retry, a deadline; absent at an end.
    Column("due_at", BigInteger),
    # Redis's clock, in ms: since when it waits in its lane; 0 where it waits with the leader of its group.
    Column("laned_at", BigInteger),
    Column("callback_url", Text),
    Column("prepaid", Boolean, nullable=False, server_default=false()),  # its price came from a credit
    Column("units", Integer, nullable=False, server_default="0"),  # its price; none where it was given back
    Column("ended_at", Instant),  # when it came to the end that it stands at
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("valid_until", Instant, nullable=False),
    Column("send_at", Instant),
    Column("number", BigInteger),  # public, of the request: the messages of a batch share it
    Column("note", String(160)),
    Column("subaccount", String(10)),
    Column("reports", Integer),  # those asked for: a sum
    Column("trace", String(55)),  # traceparent of its request
    # What the customer did with it. While it is held (Redis's clock, in ms) somebody is being given it to keep.
    Column("held_until", BigInteger),
    Column("marked_at", Instant),
    Column("deleted_at", Instant),
    # No index begins with the status: SQLite would choose it for the guarded update and become quadratic.
    Index("ix_messages_account_id", "account", "id"),
    _some("ix_messages_inbox", "account", "id", where=IN_INBOX),
    _some("ix_messages_account_reference", "account", "reference", where="reference IS NOT NULL"),
    _some("ix_messages_ended_badly", "id", where=ENDED_BADLY),
    _some("ix_messages_due_at", "due_at", where="due_at IS NOT NULL"),
    _some("ix_messages_lane", "connection", "originator", "id", where=IN_LANE),
    _some("ix_messages_batch", "batch", where="batch IS NOT NULL"),
    _some("ix_messages_number", "number", where="number IS NOT NULL"),
    _some("ix_messages_provider_ref", "provider_ref", where="provider_ref IS NOT NULL"),
    _some("ix_messages_inbound_key", "inbound_key", where="inbound_key IS NOT NULL", unique=True),
)

submissions = Table(
    "submissions",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("outcome", String(16)),
    Column("http_status", Integer),
    Column("error", Text),
    # Where what was said is told in the event log; absent where this row and the message's say it all.
    Column("exchange", Text),
    Index("ix_submissions_connection_started_at", "connection", "started_at"),
    _some("ix_submissions_connection_ended_at", "connection", "ended_at", where="ended_at IS NOT NULL"),
)

events = Table(
    "events",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("message_id", String(36), nullable=False),
    Column("key", String(255), nullable=False),  # equal for repeats of the same news
    Column("at", Instant, nullable=False),
    Column("type", String(16), nullable=False),
    Column("status", String(12)),  # what it made of the message; absent where it moved nothing
    Column("detail", Text, nullable=False),
    Column("webhook", String(64)),  # the digest of the one that told it
    Index("ix_events_message_id_key", "message_id", "key", unique=True),
)

parts = Table(
    "parts",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("idx", Integer, primary_key=True),
    Column("content_type", String(127), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(8), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("path", Text),
    Column("url", Text),
    Column("error", Text, nullable=False),
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("connection", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("verdict", Text, nullable=False),
    Index("ix_webhooks_connection_at", "connection", "at"),
)

logbook = Table(
    "logbook",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("connection", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Column("message_id", String(36)),
    Column("level", String(5), nullable=False),
    Column("direction", String(4), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    # Secrets and content are left out of all that follows before it is written.
    Column("headers", Text, nullable=False),  # JSON object
    Column("body", Text, nullable=False),
    Column("tags", Text, nullable=False),  # JSON list of [name, value]
    Index("ix_logbook_connection_at", "connection", "at"),
    _some("ix_logbook_message_id", "message_id", where="message_id IS NOT NULL"),
)

parked = Table(
    "parked",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("connection", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("news", Text, nullable=False),  # JSON of the report or the arrival
    Column("reason", String(32), nullable=False),
    Column("at", Instant, nullable=False),
    Column("due_at", BigInteger),  # when to try to match it again; absent: never again by itself
    Column("recipient", String(255)),  # of an arrival: whose number it came for
    _some("ix_parked_recipient", "recipient", where="recipient IS NOT NULL"),
    Index("ix_parked_connection_key", "connection", "key", unique=True),
    Index("ix_parked_due_at", "due_at"),
)

callbacks = Table(
    "callbacks",
    metadata,
    Column("id", String(64), primary_key=True),  # of the message and the status: the same over retries
    Column("message_id", String(36), nullable=False),
    Column("seq", Integer, nullable=False),  # counts the callbacks of a message
    Column("account", String(64), nullable=False),
    Column("status", String(12), nullable=False),  # what the message became
    Column("detail", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("url", Text, nullable=False),
    Column("endpoint", Text, nullable=False),  # account, host, port: what is tried, and left alone, together
    Column("state", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("begun", Integer, nullable=False, server_default="0"),  # tries that nobody said the end of
    # Redis's clock, in ms: when to try it, absent once nobody will; and when to try no more.
    Column("due_at", BigInteger),
    Column("ends_at", BigInteger),  # absent: counted from the next try on
    Column("http_status", Integer),  # of the last answer
    Column("error", Text, nullable=False),
    Index("ix_callbacks_message_id_seq", "message_id", "seq", unique=True),
    _some("ix_callbacks_endpoint_due_at", "endpoint", "due_at", where="due_at IS NOT NULL"),
    _some("ix_callbacks_account_url", "account", "url", where="state = 'held'"),
    _some("ix_callbacks_state_id", "state", "id", where=UNTOLD),
    _some("ix_callbacks_endpoint_state_id", "endpoint", "state", "id", where=UNTOLD),
)

accounts = Table(
    "accounts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("callback_url", Text),
    Column("callback_secret", Text),  # sealed
    Column("callback_dialect", String(16), nullable=False),
    Column("inbound_mode", String(8)),  # get or post
    Column("date_form", String(8)),  # uk, us or uk2
    Column("callback_replies", Boolean),  # messages in its answers to callbacks are sent
    Column("fixed_sender", Boolean),  # its first sender speaks, whatever smsfrom says
    Column("mms", Boolean, nullable=False),
    Column("allowed_ips", Text, nullable=False),  # JSON list
    Column("daily_limit", Integer),
    Column("monthly_limit", Integer),
    Column("unknown_policy", String(8), nullable=False),
    Column("timezone", String(64), nullable=False),
    Column("quiet_hours", String(11)),  # 21:00-08:00
    Column("country", String(2), nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("account", String(64), nullable=False),
)

senders = Table(
    "senders",
    metadata,
    Column("account", String(64), primary_key=True),
    Column("address", String(32), primary_key=True),
    Column("position", Integer, nullable=False),
)

inbound_numbers = Table(
    "inbound_numbers",
    metadata,
    Column("address", String(32), primary_key=True),
    Column("account", String(64), nullable=False),
)
