"""A simulator on a thread of this process, and who asks it."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from broker.simulator.options import Options
from broker.simulator.simulator import Simulator

T = TypeVar("T")

CLIENT, SECRET, ACCOUNT = "client", "secret", "9900000"
WITHIN_S = 60.0
"""Longest wait for anything that must come: the machine may be busy with other tests."""


class Carrier:
    """A make-believe carrier that runs until it is closed; its webhooks go nowhere."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._simulator, self.url = asyncio.run_coroutine_threadsafe(_start(), self._loop).result(WITHIN_S)

    def close(self) -> None:
        """Stop it."""
        asyncio.run_coroutine_threadsafe(_stop(self._simulator), self._loop).result(WITHIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def clear(self) -> None:
        """Forget what was taken, and make no faults."""
        self._ask("DELETE", "/sim/state")
        self.faults()

    def faults(self, **dials: Any) -> None:
        """Set the dials; the others stand at no fault."""
        self._ask("PUT", "/sim/faults", dials)

    def tags(self) -> list[str]:
        """Return the tags of all create requests that were taken, in order."""
        entries = json.loads(self._ask("GET", "/sim/journal?limit=100000"))["entries"]
        return [entry["tag"] for entry in entries if entry["id"]]

    def asked(self) -> int:
        """Return how many create requests came, taken or not."""
        return len(json.loads(self._ask("GET", "/sim/journal?limit=100000"))["entries"])

    def taken(self) -> list[tuple[float, str]]:
        """Return when each create request that was taken came (Unix time), and its tag, in order."""
        entries = json.loads(self._ask("GET", "/sim/journal?limit=100000"))["entries"]
        return [
            (datetime.fromisoformat(entry["at"]).timestamp(), entry["tag"])
            for entry in entries
            if entry["id"]
        ]

    def tokens_given(self) -> int:
        """Return how many access tokens were given."""
        return int(json.loads(self._ask("GET", "/sim/stats"))["tokens"]["given"])

    def inbound(self, message: dict[str, Any]) -> None:
        """Let a phone send something: its parts can be fetched, its webhook goes nowhere."""
        self._ask("POST", "/sim/inbound", message)

    def connection(self) -> dict[str, Any]:
        """Return a provisioning table of a connection that leads here."""
        host = self.url.removeprefix("http://")
        return {
            "name": "bandwidth-1",
            "provider": "bandwidth",
            "base_url": f"{self.url}/api/v2",
            "token_url": f"{self.url}/api/v1/oauth2/token",
            "auth": "oauth2",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "account_id": ACCOUNT,
            "application_id": "app-1",
            "webhook_username": "carrier",
            "webhook_password": "carrier's secret",
            "media_hosts": [host],
            "senders": ["+12025550150"],
        }

    def _ask(self, method: str, path: str, body: Any = None) -> bytes:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=WITHIN_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, text
            return text
        finally:
            connection.close()


async def _start() -> tuple[Simulator, str]:
    simulator = Simulator(Options(account_id=ACCOUNT, client_id=CLIENT, client_secrets=(SECRET,)))
    return simulator, await simulator.start()


async def _stop(simulator: Simulator) -> None:
    await simulator.stop()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:  # answers that a killed worker did not wait for
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def until(question: Callable[[], T], *, within_s: float = WITHIN_S) -> T:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"waited {within_s:.0f} s in vain")
