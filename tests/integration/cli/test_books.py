"""The command that shows whether the ledger balances."""

import json
from collections.abc import Iterator

import pytest

from broker.cli.books import show, table
from broker.cli.client import Api
from tests.integration.cli.test_client import Server, serving

ROW = {
    "account": "acme",
    "hour": "2026-01-17T13:00:00.000Z",
    "accepted": 9,
    "waiting": 1,
    "in_flight": 2,
    "final": 3,
    "parked": 2,
    "difference": 1,
    "checked_at": "2026-01-17T13:10:00.000Z",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


@pytest.mark.parametrize("difference", [0, 1])
def test_the_command_says_whether_it_balances(
    server: Server, capsys: pytest.CaptureFixture[str], difference: int
) -> None:
    server.answer = (200, {"difference": difference, "data": [ROW]})
    balanced = show(Api(server.url, login="ops:x"), {"since": None, "account": "acme"}, json=True)
    assert balanced is (difference == 0)
    assert server.asked[0][0] == "GET /v1/ledger?account=acme"
    first, last = capsys.readouterr().out.splitlines()
    assert json.loads(first) == ROW
    assert json.loads(last) == {"difference": difference}


def test_people_get_a_table() -> None:
    head, line = table([ROW])
    assert head.split() == [
        "account",
        "hour",
        "accepted",
        "waiting",
        "in",
        "flight",
        "final",
        "parked",
        "difference",
    ]
    assert line.split() == ["acme", "2026-01-17T13:00", "9", "1", "2", "3", "2", "1"]
