"""The commands that show the audit, attachments and settings."""

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from broker.cli.insight import told_deed, told_files, told_setting
from broker.cli.main import app
from tests.integration.cli.test_client import Server, serving

DEED = {
    "at": "2026-01-17T13:10:26.412Z",
    "operator": "ops",
    "action": "connections pause",
    "subject": "b-1",
    "reason": "why",
    "refused": "",
}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as one:
        yield one


def test_each_command_asks_for_its_list_with_its_filters(server: Server) -> None:
    server.answer = (200, {"data": [], "next_cursor": None})
    for given in (
        ["audit", "--operator", "ops", "--action", "sign in", "--subject", "x", "--limit", "3"],
        ["attachments", "--account", "acme", "--type", "image"],
        ["settings"],
        ["status", "--window", "15m"],
    ):
        done = CliRunner().invoke(app, [*given, "--url", server.url, "--login", "ops:x"])
        assert done.exit_code == 0, done.output
    assert [asked for asked, _, _ in server.asked] == [
        "GET /v1/operators/audit?operator=ops&action=sign+in&subject=x&limit=3",
        "GET /v1/operators/attachments?account=acme&type=image&limit=50",
        "GET /v1/operators/settings",
        "GET /v1/operators/overview?window=15m",
    ]


def test_messages_are_listed_by_a_tag(server: Server) -> None:
    server.answer = (200, {"data": [], "next_cursor": None})
    given = ["messages", "ls", "--tag", "campaign=spring", "--url", server.url, "--key", "k"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert [asked for asked, _, _ in server.asked] == ["GET /v1/messages?tag=campaign%3Dspring&limit=20"]


def test_rows_are_told_in_words() -> None:
    assert told_deed(DEED) == "2026-01-17T13:10:26  ops  connections pause  b-1: why"
    assert told_deed({**DEED, "reason": "", "refused": "no"}).endswith("b-1  refused: no")
    file = {"content_type": "image/png", "size": 7, "path": "/a.png"}
    row = {"created_at": "2026-01-17T13:10:26.412Z", "message_id": "m", "account": "acme", "files": [file]}
    assert told_files(row).splitlines()[1].strip() == "image/png     7 bytes  /a.png"
    assert told_setting({"variable": "BROKER_PORT", "value": "1", "origin": "default"}).endswith(
        "1  (default)"
    )
