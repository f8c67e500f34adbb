"""Saved views: a name for a list with its filters, each person's own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from broker.console.gate import Gate, Route
from broker.console.messages import LIST, asked_of, search_of
from broker.console.pages import go_to
from broker.console.visit import ROOT, Visit
from broker.domain.address import mask_within
from broker.domain.operator import Role
from broker.errors import InvalidField
from broker.services.sql import AsyncSql
from broker.storage import accounts, views
from broker.storage.database import Sql

LONGEST_NAME = 64
MOST = 30
"""Most views of a person."""
MOST_DIGITS = 7
"""Most digits of a number's beginning: so many belong to thousands of people."""


class Views:
    """Keeps and drops views. They concern nobody but the person, so the audit says nothing of them."""

    def __init__(self, sql: AsyncSql) -> None:
        self._sql = sql

    def routes(self, gate: Gate) -> list[Route]:
        """Return what leads here."""
        return [
            *gate.post(f"{ROOT}views/save", self.save, needs=Role.VIEWER, noted=False),
            *gate.post(f"{ROOT}views/remove", self.remove, needs=Role.VIEWER, noted=False),
        ]

    async def save(self, visit: Visit) -> web.Response:
        """Answer `POST /console/views/save`: under a name that is there already, it takes its place."""
        name = visit.form.text("name")
        asked = asked_of(dict(parse_qsl(visit.form.text("query"))))
        kept = {field: text for field, text in asked.items() if field not in {"cursor", "q"}}
        if not name or len(name) > LONGEST_NAME or not name.isprintable():
            raise InvalidField(f"a view has a name, of at most {LONGEST_NAME} characters")
        if not kept:
            raise InvalidField("a view has filters")
        if not _is_beginning(kept.get("address", "*")):
            # What is kept about a number must be found when it is to be erased.
            raise InvalidField("a view is kept, and whole numbers are not: leave the number out")
        words = [name, *(kept.get(field, "") for field in ("tag", "error", "cause"))]
        if any(mask_within(one) != one for one in words):
            raise InvalidField("a view is kept, and whole numbers are not: leave out what looks like one")
        search_of(kept)
        if not await self._sql.read(partial(_are_there, kept=kept)):
            raise InvalidField("a view is kept, and there is no such account or connection")
        query, now = urlencode(kept), datetime.now(UTC)
        keep = partial(views.keep, operator=visit.operator.name, name=name, query=query, at=now, most=MOST)
        if not await self._sql.write(keep):
            raise InvalidField(f"you have {MOST} views: remove one first")
        return go_to(f"{LIST}?{query}")

    async def remove(self, visit: Visit) -> web.Response:
        """Answer `POST /console/views/remove`."""
        name = visit.form.text("name")
        await self._sql.write(partial(views.drop, operator=visit.operator.name, name=name))
        return go_to(LIST)


def _are_there(sql: Sql, kept: Mapping[str, str]) -> bool:
    """Say whether the account and the connection of filters are there: what is not may be anything, a number say."""
    connections = {one.name for one in accounts.usages(sql)} if "connection" in kept else set()
    account_is_there = "account" not in kept or accounts.by_name(sql, kept["account"]) is not None
    return account_is_there and kept.get("connection") in {None, *connections}


def _is_beginning(address: str) -> bool:
    """Say whether a filter for numbers names the beginning of many, and not one."""
    return address.endswith("*") and sum(one.isdigit() for one in address) <= MOST_DIGITS
