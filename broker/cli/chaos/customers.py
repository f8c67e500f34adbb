"""Customers that send at a steady pace, and repeat what was not answered, each as its API allows."""

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from broker.cli.chaos import offers
from broker.cli.chaos.books import Entry
from broker.cli.chaos.journal import Journal
from broker.cli.chaos.offers import Answer, Offer, Verdict
from broker.cli.chaos.roster import CUSTOMERS, Customer, Tongue
from broker.domain.wire import Request
from broker.errors import OutcomeUnknown, Unavailable
from broker.net.client import Client
from broker.net.opening import open_client

TIMEOUT_S = 8.0
PATIENCE_S = 90.0
"""How long a customer repeats a request that is not taken."""
_MOST_OPEN = 1500
_BATCH, _MEDIA, _TWICE, _HASTY, _IMPATIENT = 0.04, 0.03, 0.03, 0.02, 0.1
"""Shares of requests: to three at once, with a picture, in two copies at a time, hung up on, and asked only once."""


class Customers:
    """Everybody who sends; what each was told is in `entries` and in a journal."""

    def __init__(self, *, run: str, ingresses: Sequence[str], journal: Path, seed: int, media: str) -> None:
        self._run = run
        self._ingresses = itertools.cycle(ingresses)
        self._media = media
        self._dice = random.Random(seed)
        self._client: Client = open_client("lean")
        self._journal = Journal(journal)
        self._open: set[asyncio.Task[None]] = set()
        self._number = 0
        self.entries: list[Entry] = []
        self.taken = 0
        """Messages that their customers were told are taken."""
        self.tries: Counter[str] = Counter()

    async def send(self, *, rate: float, stop: asyncio.Event) -> None:
        """Offer so many messages a second until told to stop."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not stop.is_set():
            if len(self._open) < _MOST_OPEN:
                offer = self._next()
                self._start(offer)
                due += len(offer.to) / rate
            await asyncio.sleep(max(0.001, due - loop.time()))
            due = max(due, loop.time() - 1)

    async def finish(self) -> None:
        """Wait until every customer has an answer or has given up."""
        while self._open:
            await asyncio.gather(*self._open)
        await self._client.close()
        self._journal.close()

    def _start(self, offer: Offer) -> None:
        task = asyncio.create_task(self._carry(offer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    def _next(self) -> Offer:
        self._number += 1
        dice, customer = self._dice, self._customer()
        native = customer.tongue is Tongue.NATIVE
        many = native and dice.random() < _BATCH
        illustrated = customer is CUSTOMERS[0] and not many and dice.random() < _MEDIA
        to = tuple(f"+1202555{(self._number * 3 + each) % 10000:04d}" for each in range(3 if many else 1))
        return Offer(
            marker=f"{self._run}-{self._number:06d}",
            customer=customer,
            to=to,
            media=self._media if illustrated else "",
        )

    def _customer(self) -> Customer:
        (customer,) = self._dice.choices(CUSTOMERS, [each.share for each in CUSTOMERS])
        return customer

    async def _carry(self, offer: Offer) -> None:
        """Ask until it is taken; who cannot be sure not to ask twice asks once."""
        entry = Entry(offer=offer, at=time.time())
        self.entries.append(entry)
        self._journal.note({"at": entry.at, "offer": offer.marker, "to": offer.to})
        impatient = not offer.repeatable or self._dice.random() < _IMPATIENT
        if offer.repeatable and self._dice.random() < _HASTY:
            await self._ask(entry, timeout_s=0.004)
        if offer.repeatable and self._dice.random() < _TWICE:
            await asyncio.gather(self._ask(entry), self._ask(entry))
        deadline = time.monotonic() + PATIENCE_S
        while not entry.taken and time.monotonic() < deadline:
            await self._ask(entry)
            if impatient:
                break
            await asyncio.sleep(0.2 + self._dice.random() * 0.3)
        entry.done = True

    async def _ask(self, entry: Entry, *, timeout_s: float = TIMEOUT_S) -> None:
        before = bool(entry.taken)
        # Copies and repeats go to one process after the other.
        request = offers.request(entry.offer, next(self._ingresses))
        answer = await self._answer(entry.offer, request, timeout_s)
        entry.answers.append(answer)
        self.tries[f"{entry.offer.customer.tongue} {answer.verdict}"] += 1
        if answer.verdict is Verdict.TAKEN and not before:
            self.taken += len(entry.offer.to)
        line = {"at": time.time(), "offer": entry.offer.marker, "answer": answer.verdict}
        await self._journal.write(
            {**line, "ids": dict(answer.ids), "number": answer.number, "odd": answer.odd}
        )

    async def _answer(self, offer: Offer, request: Request, timeout_s: float) -> Answer:
        try:
            return offers.read(offer, await self._client.send(request, timeout_s=timeout_s))
        except Unavailable:
            return Answer(verdict=Verdict.REFUSED)
        except OutcomeUnknown:
            return Answer(verdict=Verdict.UNKNOWN)
