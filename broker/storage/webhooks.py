"""Raw carrier webhooks, unique by digest, with what became of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from broker.domain.value import value
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


@value
class Place:
    """Where a webhook stands in the journal: connection, time, digest."""

    connection: str
    at: datetime
    digest: str


def stretch(
    connection: Connection, name: str, *, since: datetime, until: datetime, after: Place | None, limit: int
) -> list[Webhook]:
    """Return a connection's webhooks of a time in the order they came, from a place on."""
    at = webhooks.c.at
    wanted = [webhooks.c.connection == name, at >= since, at < until]
    if after is not None:
        wanted.append(or_(at > after.at, and_(at == after.at, webhooks.c.digest > after.digest)))
    statement = select(webhooks).where(*wanted).order_by(at, webhooks.c.digest).limit(limit)
    return [Webhook(**row) for row in connection.execute(statement).mappings()]


def number(connection: Connection, name: str, *, since: datetime, until: datetime, most: int) -> int:
    """Return how many webhooks of a time there are of a connection, `most` at most."""
    at = webhooks.c.at
    some = (
        select(at).where(webhooks.c.connection == name, at >= since, at < until).limit(most).subquery("some")
    )
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def newest(connection: Connection, name: str, *, before: Place | None, limit: int) -> list[Webhook]:
    """Return a connection's webhooks, the newest first, from before a place on."""
    at, digest = webhooks.c.at, webhooks.c.digest
    wanted = [webhooks.c.connection == name]
    if before is not None:
        wanted.append(or_(at < before.at, and_(at == before.at, digest < before.digest)))
    statement = select(webhooks).where(*wanted).order_by(at.desc(), digest.desc()).limit(limit)
    return [Webhook(**row) for row in connection.execute(statement).mappings()]


def one(connection: Connection, digest: str) -> Webhook | None:
    """Return a webhook by its digest."""
    row = connection.execute(select(webhooks).where(webhooks.c.digest == digest)).mappings().first()
    return None if row is None else Webhook(**row)


def judge(connection: Connection, verdicts: Mapping[str, str]) -> None:
    """Say anew what webhooks hold."""
    if verdicts:
        statement = update(webhooks).where(webhooks.c.digest == bindparam("b_digest"))
        rows = [{"b_digest": digest, "b_verdict": verdict} for digest, verdict in verdicts.items()]
        connection.execute(statement.values(verdict=bindparam("b_verdict")), rows)


def names(connection: Connection, *, after: str) -> str | None:
    """Return the first connection by name, from one on, of which the journal holds anything."""
    return connection.execute(
        select(func.min(webhooks.c.connection)).where(webhooks.c.connection >= after)
    ).scalar()


def kept(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return those of the digests that the journal holds."""
    found = select(webhooks.c.digest).where(webhooks.c.digest.in_(sorted(digests)))
    return set(connection.execute(found).scalars())
