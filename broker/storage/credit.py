"""Prepaid credit: the truth that Redis's counters are made from."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from broker.domain.value import value
from broker.storage.tables import balances, credit_changes
from broker.storage.writing import insert_ignore

_SETTLE = (
    update(balances)
    .where(balances.c.account == bindparam("b_account"))
    .values(
        balance=balances.c.balance - bindparam("b_taken") + bindparam("b_returned"),
        adjusted=balances.c.adjusted + bindparam("b_returned"),
        version=balances.c.version + bindparam("b_is_news"),
    )
)


@value
class Standing:
    """Where an account's credit stands in the record.

    `balance` leaves out what is admitted and not on record yet. `adjusted` sums up all that Redis's counter cannot
    know by itself: what was given, and what was given back; `version` grows with each such change.
    """

    limited: bool
    balance: int
    adjusted: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of an account's credit: by how much, to what where it is limited, who and why."""

    at: datetime
    delta: int
    balance: int | None
    reason: str
    who: str


def standing(connection: Connection, account: str) -> Standing | None:
    """Return where an account's credit stands; None if it never had any."""
    row = connection.execute(select(balances).where(balances.c.account == account)).mappings().first()
    return None if row is None else _standing(row)


def standings(connection: Connection) -> dict[str, Standing]:
    """Return where every credit stands, by account."""
    return {row["account"]: _standing(row) for row in connection.execute(select(balances)).mappings()}


def seen(connection: Connection, account: str) -> int | None:
    """Return the recorded balance of an account that must have credit to send; None: it need not."""
    known = standing(connection, account)
    return known.balance if known is not None and known.limited else None


def settle(connection: Connection, *, taken: Mapping[str, int], returned: Mapping[str, int]) -> None:
    """Take the price of recorded messages from their accounts' balances, and give back what is due, by account."""
    # In one order, so that two transactions never wait for each other.
    rows = [
        {
            "b_account": account,
            "b_taken": taken.get(account, 0),
            "b_returned": returned.get(account, 0),
            "b_is_news": int(bool(returned.get(account, 0))),
        }
        for account in sorted({*taken, *returned})
    ]
    if rows:
        connection.execute(_SETTLE, rows)


def provide(connection: Connection, account: str, amount: int, *, at: datetime) -> None:
    """Give a new account the credit it is provisioned with."""
    known = lock(connection, account)
    new = Standing(limited=True, balance=amount, adjusted=known.adjusted + amount, version=known.version + 1)
    change(connection, account, known, new, at=at, who="provisioning", reason="new account", balance=amount)


def lock(connection: Connection, account: str) -> Standing:
    """Return where an account's credit stands, from nothing if need be, and let nobody change it before the commit."""
    blank = {"account": account, "limited": False, "balance": 0, "adjusted": 0, "version": 0}
    connection.execute(insert_ignore(connection, balances), [blank])
    row = connection.execute(select(balances).where(balances.c.account == account).with_for_update())
    return _standing(row.mappings().one())


def change(
    connection: Connection,
    account: str,
    before: Standing,
    after: Standing,
    *,
    at: datetime,
    who: str,
    reason: str,
    balance: int | None,
) -> None:
    """Change a locked credit and say so in its journal; `balance` is what the customer sees from now on."""
    values = {name: getattr(after, name) for name in ("limited", "balance", "adjusted", "version")}
    connection.execute(update(balances).where(balances.c.account == account).values(**values))
    row = {
        "account": account,
        "at": at,
        "delta": after.adjusted - before.adjusted,
        "balance": balance,
        "reason": reason,
        "who": who,
    }
    connection.execute(credit_changes.insert(), [row])


def changes(connection: Connection, account: str) -> Collection[Mapping[str, Any]]:
    """Return the journal of an account's credit, oldest first."""
    wanted = select(credit_changes).where(credit_changes.c.account == account).order_by(credit_changes.c.id)
    return [dict(row) for row in connection.execute(wanted).mappings()]


def latest(connection: Connection, account: str, *, limit: int) -> list[Change]:
    """Return the last changes of an account's credit, the newest first."""
    c = credit_changes.c
    wanted = select(*(c[name] for name in Change.__slots__)).where(c.account == account)
    rows = connection.execute(wanted.order_by(c.id.desc()).limit(limit)).mappings()
    return [Change(**row) for row in rows]


def _standing(row: RowMapping) -> Standing:
    return Standing(
        limited=row["limited"], balance=row["balance"], adjusted=row["adjusted"], version=row["version"]
    )
