"""Raw carrier webhooks, unique by digest, with what became of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from broker.storage.tables import webhooks
from broker.storage.writing import insert_ignore


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One request of a carrier as it came. `verdict` says in a few words what it held."""

    digest: str
    connection: str
    at: datetime
    body: bytes
    verdict: str = ""


def keep(connection: Connection, arrived: Sequence[Webhook]) -> set[str]:
    """Write webhooks into the journal; return the digests that were not there before."""
    rows = [
        {
            "digest": item.digest,
            "connection": item.connection,
            "at": item.at,
            "body": item.body,
            "verdict": item.verdict,
        }
        for item in arrived
    ]
    if not rows:
        return set()
    statement = insert_ignore(connection, webhooks).returning(webhooks.c.digest)
    return set(connection.execute(statement, rows).scalars())


def kept(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return those of the digests that the journal holds."""
    found = select(webhooks.c.digest).where(webhooks.c.digest.in_(sorted(digests)))
    return set(connection.execute(found).scalars())
