"""Accounts, their keys, numbers and connections."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection as Sql
from sqlalchemy import RowMapping, or_, select, update

from broker.domain import quiet
from broker.domain.account import Account, CallbackPlan, Connection, Route
from broker.domain.callback import DateForm, InboundMode, Manner
from broker.domain.quiet import QuietHours
from broker.domain.usage import Rate, Stop, Usage
from broker.storage import credit
from broker.storage.tables import accounts, api_keys, connections, inbound_numbers, routes, senders
from broker.storage.vault import Vault


def by_key(sql: Sql, fingerprint: str) -> Account | None:
    """Return the account an API key belongs to."""
    name = sql.execute(select(api_keys.c.account).where(api_keys.c.fingerprint == fingerprint)).scalar()
    return None if name is None else by_name(sql, name)


def by_name(sql: Sql, name: str) -> Account | None:
    """Return an account, without its callback secret."""
    row = sql.execute(select(accounts).where(accounts.c.name == name)).mappings().first()
    return None if row is None else _account(sql, row)


def owners(sql: Sql) -> dict[str, str]:
    """Return which account gets what arrives for each of our numbers."""
    return {row.address: row.account for row in sql.execute(select(inbound_numbers))}


def owners_of(sql: Sql, number: str) -> list[str]:
    """Return the accounts that may send from an address, or get what arrives for it."""
    of_senders = select(senders.c.account).where(senders.c.address == number)
    of_arrivals = select(inbound_numbers.c.account).where(inbound_numbers.c.address == number)
    return sorted(set(sql.execute(of_senders.union(of_arrivals)).scalars()))


def policies(sql: Sql) -> dict[str, str]:
    """Return what each account wants done after a lost answer: "resend" or "stop"."""
    return {
        row.name: row.unknown_policy
        for row in sql.execute(select(accounts.c.name, accounts.c.unknown_policy))
    }


def quiet_hours(sql: Sql) -> dict[str, QuietHours]:
    """Return the quiet hours of the accounts that have any."""
    of = accounts.c
    wanted = select(of.name, of.quiet_hours, of.timezone).where(of.quiet_hours.is_not(None))
    return {row.name: quiet.read(row.quiet_hours, row.timezone) for row in sql.execute(wanted)}


def callback_plans(sql: Sql, open_sealed: Callable[[str], str]) -> dict[str, CallbackPlan]:
    """Return how the accounts are told that have anything to say about it."""
    says = or_(accounts.c.callback_url.is_not(None), accounts.c.callback_secret.is_not(None))
    wanted = select(
        accounts.c.name,
        accounts.c.callback_url,
        accounts.c.callback_secret,
        accounts.c.callback_dialect,
        accounts.c.inbound_mode,
        accounts.c.date_form,
        accounts.c.callback_replies,
        accounts.c.timezone,
    )
    return {
        row.name: CallbackPlan(
            url=row.callback_url,
            dialect=row.callback_dialect,
            secrets=tuple(open_sealed(row.callback_secret).split()) if row.callback_secret else (),
            manner=Manner(
                inbound=InboundMode(row.inbound_mode or InboundMode.GET),
                dates=DateForm(row.date_form or DateForm.US),
                replies=bool(row.callback_replies),
                timezone=row.timezone,
            ),
        )
        for row in sql.execute(
            wanted.where(or_(says, accounts.c.callback_dialect != "native", accounts.c.timezone != "UTC"))
        )
    }


def all_connections(sql: Sql, vault: Vault) -> list[Connection]:
    """Return every connection in the order they were provisioned, credentials included."""
    rows = sql.execute(select(connections).order_by(connections.c.position)).mappings()
    return [_connection(row, vault) for row in rows]


def all_routes(sql: Sql) -> dict[tuple[str, str], Route]:
    """Return the routes by account and sender."""
    return {(row["account"], row["sender"]): Route(**row) for row in sql.execute(select(routes)).mappings()}


def paces(sql: Sql) -> list[tuple[str, float | None, float | None]]:
    """Return name and rates (of all, of each sender) of the connections that may be submitted over now."""
    of = connections.c
    going = or_(of.paused_at.is_(None), of.paused_how == Stop.DRAIN)
    wanted = select(of.name, of.mps, of.sender_mps).where(of.held_at.is_(None), going)
    return [(row.name, row.mps, row.sender_mps) for row in sql.execute(wanted)]


def usages(sql: Sql) -> list[Usage]:
    """Return how connections stand, in the order they were provisioned."""
    return [
        Usage(
            name=row["name"],
            provider=row["provider"],
            mps=row["mps"],
            sender_mps=row["sender_mps"],
            mps_unit=row["mps_unit"],
            held_at=_moment(row["held_at"]),
            held_reason=row["held_reason"],
            paused_at=_moment(row["paused_at"]),
            paused_reason=row["paused_reason"],
            paused_until=_moment(row["paused_until"]),
            stop=_stop(row),
        )
        for row in sql.execute(select(connections).order_by(connections.c.position)).mappings()
    ]


def _moment(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else _at(at_ms)


def _at(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.timestamp() * 1000)


def _stop(row: RowMapping) -> Stop | None:
    return None if row["paused_at"] is None else Stop(row["paused_how"])


def pause(
    sql: Sql, name: str, *, now_ms: int, reason: str, how: Stop = Stop.PAUSE, until_ms: int | None = None
) -> bool:
    """Stop a connection until `resume`, or until then, and keep the reason; return whether there is such a one."""
    found = update(connections).where(connections.c.name == name)
    values = {"paused_at": now_ms, "paused_reason": reason, "paused_how": how, "paused_until": until_ms}
    return bool(sql.execute(found.values(**values)).rowcount)


def over(sql: Sql, now_ms: int) -> list[Usage]:
    """Return the connections whose stop should have ended by itself by now."""
    return [one for one in usages(sql) if one.paused_until is not None and one.paused_until <= _at(now_ms)]


def lift(sql: Sql, one: Usage) -> bool:
    """End a stop whose time is over, and nothing else; return whether it still was as it is given."""
    of = connections.c
    as_it_was = [of.name == one.name, of.paused_until == _ms(one.paused_until)]
    freed = update(connections).where(*as_it_was).values(paused_at=None, paused_reason="", paused_until=None)
    return bool(sql.execute(freed).rowcount)


def resume(sql: Sql, name: str) -> bool:
    """Go on submitting over a connection, whoever stopped it; return whether there is such a one."""
    found = update(connections).where(connections.c.name == name)
    return bool(
        sql.execute(
            found.values(paused_at=None, paused_reason="", paused_until=None, held_at=None, held_reason="")
        ).rowcount
    )


def set_rate(sql: Sql, name: str, *, change: Rate) -> bool:
    """Change how much a connection carries a second; return whether there is such a one."""
    values = {column: getattr(change, column) for column in ("mps", "sender_mps") if column in change.given}
    found = update(connections).where(connections.c.name == name)
    return bool(values and sql.execute(found.values(**values)).rowcount)


def hold(sql: Sql, name: str, *, now_ms: int, reason: str) -> None:
    """Submit nothing over a connection from now on."""
    sql.execute(
        update(connections)
        .where(connections.c.name == name, connections.c.held_at.is_(None))
        .values(held_at=now_ms, held_reason=reason)
    )


def release(sql: Sql, names: Sequence[str]) -> None:
    """Go on submitting over connections."""
    sql.execute(update(connections).where(connections.c.name.in_(names)).values(held_at=None, held_reason=""))


def _account(sql: Sql, row: RowMapping) -> Account:
    own = sql.execute(
        select(senders.c.address).where(senders.c.account == row["name"]).order_by(senders.c.position)
    ).scalars()
    numbers = sql.execute(
        select(inbound_numbers.c.address)
        .where(inbound_numbers.c.account == row["name"])
        .order_by(inbound_numbers.c.address)
    ).scalars()
    values: Mapping[str, Any] = {
        name: row[name]
        for name in (
            "name",
            "password_hash",
            "callback_url",
            "callback_dialect",
            "mms",
            "daily_limit",
            "monthly_limit",
            "unknown_policy",
            "timezone",
            "country",
        )
    }
    hours = row["quiet_hours"]
    return Account(
        **values,
        credit=credit.seen(sql, row["name"]),
        quiet_hours=None if hours is None else quiet.read(hours, row["timezone"]),
        senders=tuple(own),
        fixed_sender=bool(row["fixed_sender"]),
        inbound_numbers=tuple(numbers),
        allowed_ips=tuple(orjson.loads(row["allowed_ips"])),
    )


def _connection(row: RowMapping, vault: Vault) -> Connection:
    return Connection(
        name=row["name"],
        provider=row["provider"],
        senders=tuple(orjson.loads(row["senders"])),
        media_hosts=tuple(orjson.loads(row["media_hosts"])),
        mps=row["mps"],
        sender_mps=row["sender_mps"],
        mps_unit=row["mps_unit"],
        held_at=row["held_at"],
        stop=_stop(row),
        config=orjson.loads(vault.open(row["config"])),
    )
