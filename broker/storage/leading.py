"""What leads to a connection: senders of accounts, and numbers for which it brings what arrives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, select

from broker.domain.account import Route
from broker.storage.accounts import all_routes, owners
from broker.storage.tables import connections, senders


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """An account's sender whose messages go by a connection, why they do, and the other connection of its route."""

    account: str
    sender: str
    why: str
    other: str | None = None


BY_ROUTE, BY_FALLBACK = "its route", "its route, when the other cannot be used"
BY_SENDER, BY_ORDER = "the sender is the connection's", "no rule says otherwise: it is the first connection"


def ways(sql: Connection, name: str) -> list[Way]:
    """Return the senders that lead to a connection, by account and number."""
    owned = [(row.account, row.address) for row in sql.execute(select(senders.c.account, senders.c.address))]
    routes, carrying = all_routes(sql), _carrying(sql)
    owning = {number: one for one, numbers in reversed(carrying.items()) for number in numbers}
    found = (_way(pair, routes.get(pair), carrying, owning, name) for pair in sorted({*owned, *routes}))
    return [one for one in found if one is not None]


def arrivals(sql: Connection, name: str) -> list[tuple[str, str | None]]:
    """Return the numbers of a connection, and the account that gets what arrives for each, if one does."""
    known = owners(sql)
    return [(number, known.get(number)) for number in _carrying(sql).get(name, [])]


def _carrying(sql: Connection) -> dict[str, list[str]]:
    """Return the senders of each connection, in the order of provisioning."""
    of = connections.c
    rows = sql.execute(select(of.name, of.senders).order_by(of.position))
    return {row.name: orjson.loads(row.senders) for row in rows}


def _way(
    pair: tuple[str, str],
    route: Route | None,
    carrying: Mapping[str, Sequence[str]],
    owning: Mapping[str, str],
    name: str,
) -> Way | None:
    """Return how a sender leads to a connection, as takes choose one; None where it does not.

    `owning` names the first connection of each number.
    """
    account, sender = pair
    if route is not None and route.connection in carrying:
        if name not in {route.connection, route.fallback}:
            return None
        usual = name == route.connection
        return Way(
            account=account,
            sender=sender,
            why=BY_ROUTE if usual else BY_FALLBACK,
            other=route.fallback if usual else route.connection,
        )
    owner = owning.get(sender)
    if name != (owner or next(iter(carrying), None)):
        return None
    return Way(account=account, sender=sender, why=BY_SENDER if owner else BY_ORDER)
