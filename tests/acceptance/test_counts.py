"""What the console, the metrics and the counters say is what SQL holds, once nothing moves any more."""

from collections.abc import Iterator

import pytest

from broker.cli.chaos.counts import Counts
from broker.domain.message import Direction
from broker.domain.status import ENDS, Status
from broker.storage.browsing import counts
from broker.storage.database import Database
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import Load
from tests.acceptance.stack import PROVISION, SHORT, Stack

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]

LOGIN = "vera:looks at it"
PEOPLE = """
[[operators]]
name = "vera"
password = "looks at it"
role = "viewer"
"""
INBOUND = (
    'senders = ["+12025550150"]\ninbound_numbers = ["+12025550150"]\ncallback_url = "http://127.0.0.1:9/"'
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose first account also gets messages, and cannot be told of them."""
    provision = PROVISION.replace('senders = ["+12025550150"]', INBOUND, 1) + PEOPLE
    env = {**SHORT, "BROKER_EGRESS_ALLOW": '["127.0.0.1:9"]'}
    one = Stack(tmp_path_factory.mktemp("stack") / "up", env=env, provision=provision)
    one.start()
    try:
        yield one
    finally:
        one.end()


def arrived(database: Database) -> int:
    return sum(
        number
        for (way, _), number in database.read(lambda sql: counts(sql, None)).items()
        if way is Direction.IN
    )


def test_after_a_run_with_every_kind_of_end_all_figures_are_those_of_sql(stack: Stack) -> None:
    database = Database(stack.endpoints["database"])
    before = arrived(database)
    stack.faults(event_delay_ms=20, errors={"400": 0.2, "503": 0.1}, retry_after_s=0, seed=7)
    acme = Load(stack, "mixed", 120).start()
    stack.faults(event_delay_ms=20, errors={"400": 0.2}, accept_then_drop=0.3, drop_events=0.3, seed=7)
    stopper = Load(stack, "stops", 80, account="stopper").start()
    for load in (acme, stopper):
        Ledger(stack, load, ends=ENDS | {Status.SUBMITTED})
    stack.faults()
    for number in range(4):
        stack.carrier(
            "POST", "/sim/inbound", {"from": f"+1202555017{number}", "to": ["+12025550150"], "text": "Hi"}
        )
    asked = Counts(
        ingress=stack.endpoints["ingress"],
        operator=LOGIN,
        database=stack.endpoints["database"],
        connection="bandwidth-1",
    )
    stack.until(lambda: arrived(database) == before + 4)
    ends = {status for _, status in database.read(lambda sql: counts(sql, None))}
    database.close()
    assert {Status.DELIVERED, Status.REJECTED, Status.FAILED} <= ends
    pages = [
        url
        for role, urls in stack.endpoints["metrics_of"].items()
        for url in ([urls] if isinstance(urls, str) else urls)
    ]
    found: list[str] = []

    def same() -> bool:
        found[:] = asked.differences(pages)
        return not found

    try:
        stack.until(same, within_s=30)
    finally:
        assert found == []
