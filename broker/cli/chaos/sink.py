"""The customers' web server: every callback is on disk before it is answered."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from broker.cli.chaos.journal import Journal
from broker.cli.chaos.roster import CUSTOMERS, Customer, Tongue
from broker.domain.wire import Call
from broker.simulator.exchange import Reply
from broker.simulator.server import Server

_CUSTOMERS = {each.name: each for each in CUSTOMERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One callback that was heard. `about` is our id, the customer's own or the number, as its API has it."""

    at: float
    customer: Customer
    about: str
    status: str
    sequence: int
    callback: str


class Sink:
    """Hears callbacks, or answers with `status` while that is set, or nobody while `deaf`."""

    def __init__(self, journal: Path) -> None:
        self._journal = Journal(journal)
        self._server = Server(self._handle)
        self._hearing = asyncio.Event()
        self._hearing.set()
        self.told: list[Told] = []
        self.status = 0
        self.url = ""

    async def start(self) -> None:
        """Listen on a port of our own."""
        self.url = f"http://127.0.0.1:{await self._server.start('127.0.0.1', 0)}"

    async def stop(self) -> None:
        """Hear nothing more."""
        self.hear()
        await self._server.stop()
        self._journal.close()

    def fall_deaf(self) -> None:
        """Answer nothing until told to hear."""
        self._hearing.clear()

    def hear(self) -> None:
        """Answer again."""
        self.status = 0
        self._hearing.set()

    async def _handle(self, call: Call) -> Reply:
        await self._hearing.wait()
        if self.status:
            return Reply(status=self.status)
        told = _read(call)
        await self._journal.write(
            {
                "at": told.at,
                "customer": told.customer.name,
                "about": told.about,
                "status": told.status,
                "sequence": told.sequence,
                "callback": told.callback,
            }
        )
        self.told.append(told)
        return Reply(body=b"ok", content_type="text/plain")


def _read(call: Call) -> Told:
    customer = _CUSTOMERS[call.path.rpartition("/")[2]]
    words = dict(call.query)
    sequence, callback = 0, call.headers.get("webhook-id", "")
    if customer.tongue is Tongue.NATIVE:
        data = orjson.loads(call.body)["data"]
        about, status, sequence = data["id"], data["status"], data["sequence"]
    elif customer.tongue is Tongue.OZEKI:
        about, status = words["id"], words["status"].lower()
    else:
        _, about, word = words["smsmsg"].split()
        status, callback = word.lower(), words["smsid"]
    return Told(
        at=time.time(),
        customer=customer,
        about=about,
        status=status,
        sequence=sequence,
        callback=callback,
    )
