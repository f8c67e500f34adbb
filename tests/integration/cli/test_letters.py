"""The commands about dead letters."""

import json
from collections.abc import Iterator

import pytest

from broker.cli.client import Api
from broker.cli.letters import list_letters, settle
from tests.integration.cli.test_client import Server, serving

ROW = {
    "id": "letter-1",
    "kind": "message",
    "subject": "message-1",
    "account": "acme",
    "connection": None,
    "at": "2026-01-17T13:10:26.412Z",
    "standing": "discarded",
    "error": "worker died",
    "settled_by": "oscar",
    "reason": "a test",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def test_letters_are_printed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, {"data": [ROW], "next_cursor": None})
    list_letters(standing="discarded", url=server.url, login="ops:x")
    assert server.asked[0][0] == "GET /v1/dead-letters?standing=discarded&limit=50"
    assert json.loads(capsys.readouterr().out) == ROW, "into a pipe"


@pytest.mark.parametrize(
    ("what", "said"), [("put-back", "7 letters are put back"), ("discard", "7 letters are discarded")]
)
def test_what_is_settled_is_said(
    server: Server, capsys: pytest.CaptureFixture[str], what: str, said: str
) -> None:
    server.answer = (200, {"count": 7, "until": "2026-01-17T13:10:26.412Z"})
    settle(Api(server.url, login="ops:x"), what, {"id": "message-1", "account": None, "reason": "a test"})
    assert server.asked[0][0] == f"POST /v1/dead-letters/{what}?id=message-1&reason=a+test"
    assert capsys.readouterr().out.startswith(said)
