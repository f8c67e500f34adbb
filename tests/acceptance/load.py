"""Customers that send and repeat until they are told an id."""

import http.client
import itertools
import json
import secrets
import threading
import time
from typing import Any

from tests.acceptance.stack import KEYS, WITHIN_S, Stack

SENDERS = {"acme": "+12025550150", "stopper": "+12025550151"}


class Load:
    """Sends texts over kept connections, each under an idempotency key, and writes down what it is told.

    What a customer does when no answer comes, or a 503: the same request again.
    """

    def __init__(
        self,
        stack: Stack,
        label: str,
        count: int,
        *,
        account: str = "acme",
        connections: int = 8,
        rate: float = 0,
    ) -> None:
        self.label = f"{label} {secrets.token_hex(3)}"  # a test that is repeated sends new messages
        self.account = account
        self.told: dict[str, str] = {}
        """Idempotency key → the id that was answered."""
        self.troubles = 0
        """Answers that did not come or were a 503."""
        self._stack = stack
        self._count = count
        self._numbers = itertools.count()
        self._pause_s = connections / rate if rate else 0.0
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(connections)]

    def start(self) -> "Load":
        """Begin to send."""
        for thread in self._threads:
            thread.start()
        return self

    def told_at_least(self, count: int) -> None:
        """Wait until so many have been answered."""
        self._stack.until(lambda: self._failures or len(self.told) >= count)
        assert not self._failures, self._failures

    def finish(self) -> set[str]:
        """Wait until all have been answered and return the ids."""
        for thread in self._threads:
            thread.join(WITHIN_S)
        assert not self._failures, self._failures
        assert len(self.told) == self._count
        ids = set(self.told.values())
        assert len(ids) == self._count, "two keys were given one id"
        return ids

    def _run(self) -> None:
        try:
            connection = self._stack.connect("ingress")
            while (number := next(self._numbers)) < self._count:
                self._send(connection, number)
                time.sleep(self._pause_s)
            connection.close()
        except BaseException as error:  # noqa: BLE001  # told to the test's own thread
            self._failures.append(error)

    def _send(self, connection: http.client.HTTPConnection, number: int) -> None:
        key = f"{self.label}-{number}".replace(" ", "-")
        to = f"+1202555{number % 10000:04d}"
        body = json.dumps({"to": to, "from": SENDERS[self.account], "text": f"{self.label} {number}"})
        headers = {"Authorization": f"Bearer {KEYS[self.account]}", "Idempotency-Key": key}
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            status, answer = _post(connection, body, headers)
            if status == 202:
                self.told[key] = answer["id"]
                return
            assert status in {0, 503}, (status, answer)
            self.troubles += 1
            time.sleep(0.1)
        raise AssertionError(f"{key} was never taken")


def _post(
    connection: http.client.HTTPConnection, body: str, headers: dict[str, str]
) -> tuple[int, dict[str, Any]]:
    """Return the status and answer; status 0 where there was none."""
    try:
        connection.request("POST", "/v1/messages", body, {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        connection.close()
        return 0, {}
