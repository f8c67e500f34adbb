"""The operators' commands: with the folder's login, every page, the oldest entry first."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.cli.client import Api
from broker.cli.folder import Folder
from broker.cli.logbook import line, newest, show
from broker.cli.untold import replay
from tests.integration.cli.test_client import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """Return an entry as the API gives it."""
    usual = {
        "id": f"entry-{number}",
        "at": "2026-01-17T13:10:26.412Z",
        "level": "INFO",
        "direction": "out",
        "kind": "http_request",
        "message_id": "a-message",
        "text": "POST http://carrier/messages",
        "body": '{"to":"+1202***0101"}',
        "tags": [],
    }
    return {**usual, **changes}


def test_the_folders_login_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "operator.key").write_text("ops:a password\n")
    api = Api.of_operators(Folder(tmp_path), url=server.url)
    server.answer = (200, {"data": [], "next_cursor": None})
    show(api, "a/b", {"message": "m", "since": None}, limit=50, follow=False, json=True)
    ((asked, headers, _),) = server.asked
    assert asked == "GET /v1/connections/a%2Fb/log?message=m&limit=50"
    assert headers["authorization"] == f"Basic {base64.b64encode(b'ops:a password').decode()}"


def test_pages_are_put_together_with_the_oldest_entry_first(server: Server) -> None:
    server.answer = (200, {"data": [entry(2), entry(1)], "next_cursor": "next"})
    found = newest(Api(server.url, login="ops:x"), "/v1/connections/c/log", {}, limit=4)
    assert [one["id"] for one in found] == ["entry-1", "entry-2"] * 2
    assert [asked.partition("?")[2] for asked, _, _ in server.asked] == ["limit=4", "cursor=next&limit=2"]


def test_an_entry_is_one_line_with_its_body_below() -> None:
    first, second = line(entry(1)).split("\n")
    assert first == "13:10:26.412  → http_request      a-message  POST http://carrier/messages"
    assert second.strip() == '{"to":"+1202***0101"}'
    saved = entry(
        2, direction="none", level="WARN", body="", tags=[{"name": "attachment", "value": "/x/1-a.jpg"}]
    )
    assert line(saved).endswith("WARN POST http://carrier/messages  attachment=/x/1-a.jpg")


def test_a_replay_says_how_many(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, {"count": 7, "until": "2026-01-17T13:10:26.412Z"})
    replay(Api(server.url, login="ops:x"), {"account": "acme", "state": None}, rate=5)
    assert server.asked[0][0] == "POST /v1/callbacks/replay?account=acme&rate=5"
    assert capsys.readouterr().out.startswith("7 callbacks are told again")
