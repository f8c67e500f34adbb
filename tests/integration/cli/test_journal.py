"""The commands about carriers' webhooks."""

import json
from collections.abc import Iterator

import pytest

from broker.cli.client import Api
from broker.cli.journal import list_parked, replay
from tests.integration.cli.test_client import Server, serving

ROW = {
    "id": "1",
    "kind": "arrival",
    "connection": "bandwidth-1",
    "at": "2026-01-17T13:10:26.412Z",
    "event": None,
    "message_id": None,
    "provider_ref": "in-1",
    "from": "+1202***0101",
    "to": "+1202***0177",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def test_parked_news_is_printed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, {"data": [ROW], "next_cursor": None})
    list_parked(kind="arrival", url=server.url, login="ops:x")
    assert server.asked[0][0] == "GET /v1/webhooks/parked?kind=arrival&limit=50"
    assert json.loads(capsys.readouterr().out) == ROW, "into a pipe"


def test_a_replay_says_what_came_of_it(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, {"webhooks": 7, "moved": 2, "arrived": 1, "parked": 3, "next_cursor": None})
    replay(Api(server.url, login="ops:x"), {"from": "2026-01-17", "until": "2026-01-18", "connection": None})
    assert server.asked[0][0] == "POST /v1/webhooks/replay?from=2026-01-17&until=2026-01-18"
    assert capsys.readouterr().out == (
        "7 webhooks read again: 2 messages moved, 1 arrived, 3 pieces of news wait for their message\n"
    )
