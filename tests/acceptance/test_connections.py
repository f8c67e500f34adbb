"""A connection in operators' hands, with real processes: nothing is restarted, and it takes effect."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.ledger import Ledger
from tests.acceptance.load import Load
from tests.acceptance.stack import PROVISION, SHORT, Stack

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]

SLOW = 0.005
OPERATOR = f"""
mps = {SLOW}

[[operators]]
name = "oscar"
password = "acts on it"
role = "operator"
"""
REASON = {"reason": "a test"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose connection carries a message in three minutes."""
    one = Stack(tmp_path_factory.mktemp("stack") / "up", env=SHORT, provision=PROVISION + OPERATOR)
    one.start()
    try:
        yield one
    finally:
        one.end()


def do(stack: Stack, what: str, body: dict[str, Any]) -> dict[str, Any]:
    """Do something to the connection, as an operator."""
    connection = stack.connect("ingress")
    login = base64.b64encode(b"oscar:acts on it").decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    try:
        connection.request("POST", f"/v1/connections/bandwidth-1/{what}", json.dumps(body), headers)
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        assert answer.status in (200, 202), told
        return told
    finally:
        connection.close()


def taken(stack: Stack) -> int:
    return int(stack.carrier("GET", "/sim/stats")["accepted"])


def test_a_rate_a_stop_and_a_test_take_effect_in_running_workers_and_schedulers(stack: Stack) -> None:
    stack.faults(event_delay_ms=20)
    before = stack.endpoints["processes"]
    do(stack, "rate", {**REASON, "mps": SLOW})  # an earlier round of this test left another
    time.sleep(3)  # until workers and the scheduler have seen it: it takes effect within two seconds
    begun = taken(stack)
    load = Load(stack, "rates", 200).start()
    load.finish()
    stack.until(lambda: taken(stack) == begun + 1)
    time.sleep(2)  # far longer than it takes when there is a slot
    assert taken(stack) == begun + 1
    assert do(stack, "rate", {**REASON, "mps": 40})["mps"] == 40
    stack.until(lambda: taken(stack) >= begun + 3, within_s=30)
    assert do(stack, "hold", REASON)["state"] == "on_hold"
    time.sleep(3)
    held = taken(stack)
    tried = do(stack, "test", {"account": "stopper", "to": "+12025550177", "text": "rates: a test"})
    time.sleep(1)
    assert taken(stack) == held < begun + 200
    assert do(stack, "resume", REASON)["state"] == "open"
    ledger = Ledger(stack, load)
    ledger.balance()
    assert set(ledger.statuses.values()) == {"delivered"}
    stack.until(lambda: stack.get(f"/v1/messages/{tried['id']}", account="stopper")["status"] == "delivered")
    assert stack.endpoints["processes"] == before
