"""Prices of prepaid messages, in the same transaction as what happened to them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from broker.domain.charge import PRICE, first_price
from broker.domain.message import Message
from broker.domain.status import Status
from broker.storage import credit


def charge(connection: Connection, added: Sequence[tuple[Message, Status]]) -> None:
    """Take the price of new prepaid messages, and give it back at once for those that are over already."""
    prepaid = [(message.account, first_price(status)) for message, status in added if message.prepaid]
    if prepaid:
        taken, returned = Counter[str](), Counter[str]()
        for account, price in prepaid:
            taken[account] += PRICE
            returned[account] += PRICE - price
        credit.settle(connection, taken=taken, returned=returned)


def settle(
    connection: Connection,
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    touched: Iterable[str],
) -> None:
    """Give back, or take again, what moves changed in the price of prepaid messages; rows by message id."""
    returned: Counter[str] = Counter()
    for name in touched:
        if after[name]["prepaid"] and after[name]["units"] != before[name]["units"]:
            returned[after[name]["account"]] += before[name]["units"] - after[name]["units"]
    if returned:
        credit.settle(connection, taken={}, returned=returned)
