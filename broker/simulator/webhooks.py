"""Post events to the broker until it takes them (bandwidth.md section 3)."""

import asyncio
import base64
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from broker.domain.value import replace
from broker.domain.wire import Request, Response
from broker.errors import ProviderError
from broker.net.client import Client
from broker.simulator.events import Payload
from broker.simulator.exchange import JSON
from broker.simulator.faults import Dice
from broker.simulator.options import Options

_FIRST_WAIT_S = 0.2
_LONGEST_WAIT_S = 5.0
_DOUBLINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where webhooks go in turn, and how they log in: "two-step", "preemptive" or "none"."""

    urls: tuple[str, ...]
    user: str
    password: str
    auth: str = "two-step"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the webhooks, counted in events but for `posts`."""

    posts: int = 0
    sent: int = 0
    acked: int = 0
    retried: int = 0
    failed: int = 0
    nowhere: int = 0


class Poster:
    """Keep due events in order of arrival and post them over a bounded number of connections."""

    def __init__(self, client: Client, options: Options) -> None:
        self._client = client
        self._options = options
        self._dice = Dice()
        self._turns = itertools.count()
        self._queue: deque[tuple[Payload, int]] = deque()
        self._posters: set[asyncio.Task[None]] = set()
        self._later: set[asyncio.TimerHandle] = set()
        self.waiting_again = 0
        self.tally = Tally()
        self.target = Target(
            urls=options.webhook_urls, user=options.webhook_user, password=options.webhook_password
        )

    @property
    def pending(self) -> int:
        """How many events are not yet taken or given up."""
        return len(self._queue) + self.waiting_again

    def login(self, auth: str) -> None:
        """Change how webhooks log in."""
        self.target = replace(self.target, auth=auth)

    def put(self, events: Sequence[Payload]) -> None:
        """Post the events as soon as a connection is free."""
        if not self.target.urls:
            self.tally.nowhere += len(events)
            return
        self._put([(event, 0) for event in events])

    async def post(self, events: Sequence[Payload]) -> None:
        """Post the events and wait for the answer; what is not taken is tried again later."""
        if self.target.urls:
            await self._post([(event, 0) for event in events])

    def clear(self) -> None:
        """Forget the events that wait and the counts."""
        self._queue.clear()
        for handle in self._later:
            handle.cancel()
        self._later.clear()
        self.waiting_again = 0
        self.tally = Tally()

    async def close(self) -> None:
        """Stop posting, and close the client."""
        self.clear()
        for task in self._posters:
            task.cancel()
        await asyncio.gather(*self._posters, return_exceptions=True)
        await self._client.close()

    def _put(self, batch: list[tuple[Payload, int]]) -> None:
        self._queue.extend(batch)
        if len(self._posters) < self._options.webhook_concurrency:
            task = asyncio.get_running_loop().create_task(self._drain())
            self._posters.add(task)
            task.add_done_callback(self._posters.discard)

    async def _drain(self) -> None:
        while self._queue:
            # Few events go one by one; a backlog shares arrays.
            size = min(
                self._options.webhook_events, 1 + len(self._queue) // self._options.webhook_concurrency
            )
            await self._post([self._queue.popleft() for _ in range(min(size, len(self._queue)))])

    async def _post(self, batch: list[tuple[Payload, int]]) -> None:
        self.tally.sent += len(batch)
        if await self._taken(orjson.dumps([event for event, _ in batch])):
            self.tally.acked += len(batch)
            return
        again = [(event, tries + 1) for event, tries in batch if tries + 1 < self._options.webhook_tries]
        self.tally.failed += len(batch) - len(again)
        if again:
            self._wait(again)

    def _wait(self, again: list[tuple[Payload, int]]) -> None:
        tries = min(max(tries for _, tries in again) - 1, _DOUBLINGS)
        delay_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**tries) * (0.5 + self._dice.up_to(0.5))
        self.tally.retried += len(again)
        self.waiting_again += len(again)

        def due() -> None:
            self._later.discard(handle)
            self.waiting_again -= len(again)
            self._put(again)

        handle = asyncio.get_running_loop().call_later(delay_s, due)
        self._later.add(handle)

    async def _taken(self, body: bytes) -> bool:
        target = self.target
        if not target.urls:
            return False
        # What is tried again goes to the next address: the one before may be dead.
        url = target.urls[next(self._turns) % len(target.urls)]
        try:
            answer = await self._send(target, url, body, authorised=target.auth == "preemptive")
            if target.auth == "two-step" and _challenges(answer):
                answer = await self._send(target, url, body, authorised=True)
        except ProviderError:
            return False
        return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES

    async def _send(self, target: Target, url: str, body: bytes, *, authorised: bool) -> Response:
        self.tally.posts += 1
        headers = {"Content-Type": JSON, "User-Agent": "BandwidthAPI/v2"}
        if authorised:
            headers["Authorization"] = target.authorization
        request = Request(method="POST", url=url, headers=headers, body=body)
        return await self._client.send(request, timeout_s=self._options.webhook_timeout_s)


def _challenges(answer: Response) -> bool:
    """Say whether the answer asks for Basic credentials; a bare 401 ends the exchange."""
    asked = answer.headers.get("www-authenticate", "").lower().startswith("basic")
    return answer.status == HTTPStatus.UNAUTHORIZED and asked
