"""Every Redis key we own: its type, lifetime and meaning."""

from hashlib import sha256

from broker.dispatch import Queue

DAY_S = 24 * 3600


def ready(queue: Queue) -> str:
    """List of ids that SQL holds and that wait for a take; pushed left, popped right. No lifetime: it is work."""
    return f"ready:{queue}"


def fresh(queue: Queue) -> str:
    """Sorted set, id that SQL does not hold yet → its turn; the lowest is popped first. No lifetime: it is work."""
    return f"fresh:{queue}"


def rounds(queue: Queue) -> str:
    """Hash: flow ("<class>:<account>") → turn of its next id; class → turn that was popped last. Goes with `fresh`.

    Each id of a flow has the turn after the one before it, and none has one that is over: flows are served in rounds,
    however much waits in one of them. The turns of a class begin at `CLASS_TURNS` times the class, so that all of a
    higher one wait for the lower ones. `company`: Unix ms until which a crowd that waits here counts as having company.
    """
    return f"rounds:{queue}"


UNPOPPED_MS = DAY_S * 1000
"""How far ahead the outbox entry of an id is set that nobody has popped: its ready list holds it."""


def outbox(queue: Queue) -> str:
    """Sorted set, id → Unix ms when to put it back on the ready list. An entry goes once SQL has the content."""
    return {
        Queue.SUBMIT: "admitted",
        Queue.SUBMIT_HIGH: "admitted:high",
        Queue.EVENTS: "arrived",
    }.get(queue, f"outbox:{queue}")


def taken(queue: Queue) -> str:
    """Hash, id → how many tries of it began while SQL did not hold it. An entry goes with the outbox entry."""
    return f"taken:{queue}"


def suspects(queue: Queue) -> str:
    """Hash, id that is tried alone → how that ended, or Unix ms until when it may run. An entry goes with the id."""
    return f"suspects:{queue}"


def accepted() -> str:
    """Hash, `<hour> <account>` → messages that were admitted; `epoch` → its own id. Entries go once SQL has them."""
    return "accepted"


def content(message_id: str) -> str:
    """String, a message as `content.encode` writes it. No lifetime: SQL does not hold it yet."""
    return f"msg:{message_id}"


def webhook(digest: str) -> str:
    """String, what a carrier posted, as `content.encode_webhook` writes it. No lifetime: SQL lacks it yet."""
    return f"hook:{digest}"


def call(identifier: str) -> str:
    """String, what one admission call was answered, for when the answer was lost. Lives seconds."""
    return f"admit:{identifier}"


def idempotency(account: str, key: str) -> str:
    """String, the digest and ids that an account's idempotency key stands for. Lives 48 hours."""
    return f"idem:{account}:{sha256(key.encode()).hexdigest()}"


def number(public: int) -> str:
    """String, the first id, then batch and ids that a request's public number stands for. Lives 48 hours."""
    return f"number:{public}"


def quota(account: str, period: str) -> str:
    """String, requests of the account in `period` ("2026-11-21", "2026-11"). Lives a little longer than that."""
    return f"quota:{account}:{period}"


def credit(account: str) -> str:
    """Hash, what is left of the account's prepaid credit, and which changes it knows. Lives a day, is counted anew."""
    return f"balance:{account}"


def counting(account: str) -> str:
    """String, that the account's counters are being counted; gone with whatever else Redis lost. Lives seconds."""
    return f"counting:{account}"


def tried(pair: str) -> str:
    """Set, marks of wrong passwords of an account from a source (a digest of both). Lives an hour after the last."""
    return f"tried:{pair}"


def guessed(name: str) -> str:
    """String, how many wrong passwords an account or a source (a digest) had. Lives an hour after the last."""
    return f"guessed:{name}"


def held(name: str) -> str:
    """String, that an account from a source, or a source, must wait before it signs in. Lives that long."""
    return f"held:{name}"


def session(digest: str) -> str:
    """String, JSON of who is signed in to the console, by the digest of the browser's secret. Lives 12 hours."""
    return f"session:{digest}"


def outcome(digest: str) -> str:
    """String, JSON of what came of a form of the console, by the digest of who sent it and of its number; an hour."""
    return f"outcome:{digest}"


def schedule(queue: Queue) -> str:
    """Sorted set, "<id> <flow>" → Unix ms when it is due. A sweep finds in SQL what it has lost."""
    return f"schedule:{queue}"


def due(queue: Queue) -> str:
    """Sorted set, id that fell due → its turn, the lowest is next. A sweep finds what it has lost."""
    return f"due:{queue}"


def due_rounds(queue: Queue) -> str:
    """Hash, as `rounds`, of flows "<class>:<sender>". Goes with `due`."""
    return f"due:rounds:{queue}"


def lane(connection: str, sender: str) -> str:
    """Sorted set, id → its place among what a sender waits to say over a connection. An index of SQL's `laned_at`."""
    return f"lane:{connection}:{sender}"


def turns(connection: str) -> str:
    """Sorted set, sender with a lane → Unix ms of its next turn on the connection. Goes with the last lane."""
    return f"turns:{connection}"


def pace(connection: str, sender: str | None = None) -> str:
    """String, Unix µs of the next slot of a connection, or of a sender on it. Lives until then."""
    return f"pace:{connection}" if sender is None else f"pace:{connection}:{sender}"


def slots(queue: Queue) -> str:
    """Hash, id on the ready list → Unix µs of the slot it was given. An entry goes when it is popped. Lives an hour."""
    return f"slots:{queue}"


def detours() -> str:
    """Hash, connection, or connection and sender → Unix ms until which it is slowed. Lives a day, is renewed."""
    return "detours"


def workers() -> str:
    """Hash, worker → what it last said of itself, as JSON. Each entry lives an hour, the key an hour longer."""
    return "workers"


def drains() -> str:
    """Hash, worker → that it is to take no work, since when and why, as JSON. Lives an hour, those workers renew it."""
    return "workers:drains"


def leader() -> str:
    """String, which scheduler is the active one. Lives seconds, and is renewed."""
    return "scheduler:leader"


def turn(name: str) -> str:
    """String, that a rare job had its turn. Lives until the next turn."""
    return f"turn:{name}"


def place(name: str) -> str:
    """String, how far a job that goes through much has come. Lives an hour."""
    return f"place:{name}"


def token(connection: str) -> str:
    """String, a carrier's access token. Lives as long as the carrier said, less a margin."""
    return f"token:{connection}"


def token_lock(connection: str) -> str:
    """String, who is fetching a new access token. Lives seconds."""
    return f"token-lock:{connection}"


def circuit(endpoint: str) -> str:
    """Hash, failures in a row of a customer's endpoint, until when and since when it is left alone. Lives minutes."""
    return f"circuit:{endpoint}"


def breaker(connection: str) -> str:
    """Hash, failures in a row of a connection, until when and since when it is left alone, if tried. Lives minutes."""
    return f"breaker:{connection}"


def figures() -> str:
    """Hash, how many callbacks were told, tried and given up, and how they stand. Lives a day, and is renewed."""
    return "figures:callbacks"
