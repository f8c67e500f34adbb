"""Every process dies at once under load, and the next start goes on where they were."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.domain.status import ENDS, Status
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import Load
from tests.acceptance.stack import SHORT, Stack
from tests.integration.workers.carrier import Carrier

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    """A carrier that lives on; it tells nothing of what became of a message."""
    one = Carrier()
    yield one
    one.close()


def test_a_stack_that_was_killed_whole_loses_nothing_it_accepted(tmp_path: Path, carrier: Carrier) -> None:
    stack = Stack(tmp_path / "up", env=SHORT, carrier=carrier.url)
    stack.start()
    try:
        carrier.faults(latency_ms=300)
        load = Load(stack, "blackout", 600, rate=300).start()
        load.told_at_least(200)
        stack.kill_all()
        stack.start()
        ledger = Ledger(stack, load, ends=ENDS | {Status.SUBMITTED})
        assert load.troubles > 0, "the kill met nobody"
        ledger.balance()
        assert set(ledger.statuses.values()) == {"submitted"}
    finally:
        stack.end()
