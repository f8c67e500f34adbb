"""The status API, as customers ask it: while faults happen, and in full at the end."""

import asyncio
import base64
import random
import time
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from broker.cli.chaos.books import Record, Sample
from broker.cli.chaos.customers import Customers
from broker.cli.chaos.roster import CUSTOMERS, OPERATOR, Customer, Tongue
from broker.domain.wire import Request
from broker.errors import ProviderError
from broker.net.client import Client

_EVERY_S, _PAGE_EVERY_S = 0.05, 2.0
_TIMEOUT_S = 10.0
_READERS = 12
_NOT_FOUND = 404


class StatusApi:
    """Asks for messages with the keys of their customers."""

    def __init__(self, client: Client, ingress: str) -> None:
        self._client = client
        self._ingress = ingress
        self.samples: list[Sample] = []

    async def sample(self, customers: Customers, *, seed: int) -> None:
        """Ask for messages of the last minute, one by one, for as long as this runs."""
        dice = random.Random(seed)
        while True:
            await asyncio.sleep(_EVERY_S)
            recent = [each for each in customers.entries[-600:] if each.taken]
            ids = dict(dice.choice(recent).taken[0].ids) if recent else {}
            for message in ids.values():
                await self._sample_one(message)

    async def sample_pages(self) -> None:
        """Ask every customer's newest page again and again."""
        while True:
            for customer in CUSTOMERS:
                await asyncio.sleep(_PAGE_EVERY_S / len(CUSTOMERS))
                asked_at = time.time()
                status, page = await self._get(customer, "/v1/messages?direction=out&limit=200")
                for record in page.get("data", ()) if status == 200 else ():  # noqa: PLR2004
                    self._note(asked_at, record["id"], record["status"])

    async def _sample_one(self, message: str) -> None:
        for customer in CUSTOMERS:
            if customer.tongue is not Tongue.NATIVE:
                continue
            asked_at = time.time()
            status, record = await self._get(customer, f"/v1/messages/{message}")
            if status == 200:  # noqa: PLR2004
                self._note(asked_at, message, record["status"])
                return
            if status != _NOT_FOUND:
                return
        self._note(asked_at, message, None)

    def _note(self, asked_at: float, message: str, status: str | None) -> None:
        self.samples.append(Sample(asked_at=asked_at, message=message, status=status))

    async def listed(self) -> list[Record]:
        """Return every message of every customer, without its history."""
        found: list[Record] = []
        for customer in CUSTOMERS:
            cursor = ""
            while True:
                page = await self._must(customer, f"/v1/messages?direction=out&limit=200{cursor}")
                found += [{**record, "customer": customer} for record in page["data"]]
                if not page["next_cursor"]:
                    break
                cursor = f"&cursor={page['next_cursor']}"
        return found

    async def read(self, records: Iterable[Record]) -> list[Record]:
        """Return messages with their history."""
        waiting = list(records)
        found: list[Record] = []

        async def reader() -> None:
            while waiting:
                record = waiting.pop()
                whole = await self._must(record["customer"], f"/v1/messages/{record['id']}")
                found.append({**record, **whole})

        await asyncio.gather(*(reader() for _ in range(_READERS)))
        return found

    async def difference(self) -> int:
        """Return what the product's own ledger misses, as its operators see it."""
        login = base64.b64encode(OPERATOR.encode()).decode()
        request = Request(
            method="GET", url=f"{self._ingress}/v1/ledger", headers={"Authorization": f"Basic {login}"}
        )
        answer = await self._client.send(request, timeout_s=_TIMEOUT_S)
        found: int = orjson.loads(answer.body)["difference"]
        return found

    async def _must(self, customer: Customer, path: str) -> Mapping[str, Any]:
        """Return an answer, however often it has to be asked for.

        Raises:
            TimeoutError: nobody gave it.
        """
        async with asyncio.timeout(60):
            while True:
                status, answer = await self._get(customer, path)
                if status == 200:  # noqa: PLR2004
                    return answer
                await asyncio.sleep(0.2)

    async def _get(self, customer: Customer, path: str) -> tuple[int, Mapping[str, Any]]:
        headers = {"Authorization": f"Bearer {customer.key}"}
        request = Request(method="GET", url=f"{self._ingress}{path}", headers=headers)
        try:
            answer = await self._client.send(request, timeout_s=_TIMEOUT_S)
        except ProviderError:
            return 0, {}
        return answer.status, orjson.loads(answer.body) if answer.status == 200 else {}  # noqa: PLR2004
