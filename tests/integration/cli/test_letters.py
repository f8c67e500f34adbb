"""The commands about dead letters."""

import json
from collections.abc import Iterator

import pytest

from broker.cli.client import Api
from broker.cli.letters import job, jobs, list_letters, put_back, settle, stop
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
    server.answer = (200, {"count": 7, "until": "2026-01-17T13:10:26.412Z", "job": "job-1"})
    settle(Api(server.url, login="ops:x"), what, {"id": "message-1", "account": None, "reason": "a test"})
    assert server.asked[0][0] == f"POST /v1/dead-letters/{what}?id=message-1&reason=a+test"
    assert capsys.readouterr().out.startswith(said)


def test_a_dry_run_is_told_in_a_sentence(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    found = {"count": 9, "looked_at": 5, "lost": 0, "expired": 2, "opted_out": 1, "done": 1, "left": 1}
    server.answer = (200, found)
    put_back(kind="message", dry_run=True, url=server.url, login="ops:x")
    assert server.asked[0][0] == "POST /v1/dead-letters/put-back?kind=message&rate=10.0&dry_run=true"
    said = (
        "9 letters: 1 would be tried again, 0 lost, 2 expired, 1 opted out, 1 done already (of the first 5)\n"
    )
    assert capsys.readouterr().out == said


JOB = {
    "id": "job-1",
    "wanted": "put_back",
    "count": 7,
    "gone": 3,
    "leaving": 0,
    "parked": 4,
    "by": "oscar",
    "reason": "x",
}


def test_a_job_is_stopped(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, JOB)
    stop("job-1", reason="wrong ones", url=server.url, login="ops:x")
    assert server.asked[0][0] == "DELETE /v1/dead-letters/jobs/job-1?reason=wrong+ones"
    assert "put back: 3 of 7 gone, 0 on their way, 4 parked again" in capsys.readouterr().out


def test_jobs_are_listed_and_one_is_shown(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = (200, {"data": [JOB]})
    jobs(url=server.url, login="ops:x")
    server.answer = (200, JOB)
    job("a/b", url=server.url, login="ops:x")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [JOB, JOB]
    assert [asked for asked, *_ in server.asked] == [
        "GET /v1/dead-letters/jobs",
        "GET /v1/dead-letters/jobs/a%2Fb",
    ]
