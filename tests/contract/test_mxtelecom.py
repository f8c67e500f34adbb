"""The MX Telecom API over a socket: every request and answer of the hand-made files, each by its section."""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import redis

from broker.domain.message import Message
from broker.keyspace.content import decode
from broker.settings import Settings
from tests.acceptance.flows.media_host import MediaHost
from tests.conftest import SECRET_KEY
from tests.contract.dialect_cases import shown_value
from tests.contract.wire_cases import WireCase, body_of, login_of, wire_cases, zip_of
from tests.contract.wire_server import Answer, Server, serve
from tests.redis_server import RedisServer

CASES = wire_cases("mxtelecom")
PASSWORD = "s3cret & more"
SENDERS = ["+447700900456", "60777", "ACME"]
CONNECTION = {"name": "carrier-1", "provider": "loopback", "base_url": "http://127.0.0.1:9"}
TEXT_TYPE = "text/plain;charset=US-ASCII"
NUMBER = re.compile(rb"[1-9][0-9]{0,18}")
REFUSAL = re.compile(rb"[ -~]+\n(1|2|3|4|5|6|8|9|10|11|12|13|14|15|18)")
DATABASE = 15
"""The number of the database that modules share one by one."""

_names = (f"account-{n}" for n in itertools.count(1))


@pytest.fixture(scope="module")
def host() -> Iterator[MediaHost]:
    """A customer's web server, with a zip, what is none, and a way round to the zip."""
    with closing(MediaHost()) as one:
        zipped = one.put(
            "menu.zip", "application/zip", zip_of({"manifest": "a.txt=text/plain", "a.txt": "Hello"})
        )
        one.put("page.zip", "text/html", b"<html>Not a zip</html>")
        one.move("moved.zip", zipped)
        yield one


@pytest.fixture(scope="module")
def server(
    redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory, host: MediaHost
) -> Iterator[Server]:
    """A server with a connection, and no account yet; of all addresses inside, only the customer's may be asked."""
    with redis_server.client(DATABASE) as client:
        client.flushdb()
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("mxtelecom"),
        redis_url=f"{redis_server.url}/{DATABASE}",
        secret_key=SECRET_KEY,  # type: ignore[arg-type]
        port=0,
        mx_contact="help@gateway.example",
        mx_oldest_path=True,
        egress_allow=(host.authority,),
    )
    with serve(settings, {"connections": [CONNECTION]}) as one:
        yield one


@pytest.fixture(scope="module")
def usual(server: Server) -> str:
    """The account of every case that does not say what its own is like."""
    return open_account(server, {})


def open_account(server: Server, wanted: Mapping[str, Any]) -> str:
    """Make an account and return its name."""
    name = next(_names)
    row = {"name": name, "password": PASSWORD, "senders": SENDERS, "country": "GB", **wanted}
    server.provision({"accounts": [row]})
    return name


def ask(server: Server, step: Mapping[str, Any], account: str) -> Answer:
    """Do one step of a case."""
    login = login_of(account, PASSWORD) if step.get("login", True) else ""
    method = step.get("method", "POST" if {"form", "multipart", "body"} & step.keys() else "GET")
    in_body = method == "POST" and "query" not in step
    host = f"http://{server.settings.egress_allow[0]}"
    body, headers = body_of(step, login if in_body else "")
    body = body.replace(b"{host}", (quote_plus(host) if "form" in step else host).encode())
    query = "&".join(filter(None, ("" if in_body else login, step.get("query", ""))))
    query = query.replace("{host}", quote_plus(host))
    target = step["path"] + (f"?{query}" if query else "")
    return server.ask(method, target, body, {**headers, **step.get("headers", {})})


def check(answer: Answer, expected: Mapping[str, Any]) -> None:
    """Compare an answer with what a step expects."""
    assert answer.status == expected["status"], answer.body
    for name, value in expected.get("headers", {}).items():
        assert answer.headers[name.lower()] == value
    if "code" in expected:
        assert REFUSAL.fullmatch(answer.body), answer.body
        lines = answer.body.decode("ascii").split("\n")
        assert len(lines) == 2
        assert lines[1] == str(expected["code"]), lines
        assert expected.get("reason", lines[0]) == lines[0]
    if expected["status"] == 200:
        assert NUMBER.fullmatch(answer.body), answer.body
    if expected["status"] in (200, 403):
        assert answer.headers["content-type"] == TEXT_TYPE
        assert answer.headers["cache-control"] == "no-store"


def stored(server: Server, answers: list[Answer]) -> list[Message]:
    """Return the messages that the numbers of some answers stand for."""
    with redis.Redis.from_url(server.settings.redis_url) as client:
        ids = [
            name
            for answer in answers
            if answer.status == 200
            for name in client.get(f"number:{int(answer.body)}").decode().split(" ")[2:]  # type: ignore[union-attr]
        ]
        return [decode(client.get(f"msg:{name}")) for name in ids]  # type: ignore[arg-type]


def files_of(server: Server) -> set[Path]:
    """Return every file of the server but its database."""
    return {path for path in server.settings.data_dir.rglob("*") if not path.name.startswith("broker.db")}


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case)) for case in CASES])
def test_a_request_is_answered_as_the_sheet_says(case: WireCase, server: Server, usual: str) -> None:
    account = open_account(server, case.account) if case.account else usual
    answers: list[Answer] = []
    on_disk = files_of(server)
    for step in case.steps:
        answers.append(ask(server, step, account))
        check(answers[-1], step["answer"])
    if case.section.startswith("4") and case.messages == []:
        assert files_of(server) == on_disk, "what is refused for its content leaves nothing behind"
    messages = stored(server, answers)
    taken = sum(answer.status == 200 for answer in answers)
    if case.messages is None:
        assert len({message.number for message in messages}) == taken
        return
    assert len(messages) == len(case.messages)
    for message, expected in zip(messages, case.messages, strict=True):
        told = {name: json.loads(json.dumps(_told(message, name))) for name in expected}
        assert told == expected


def _told(message: Message, name: str) -> Any:
    """Return what a message has under a name, as a file would write it; of parts only what they are."""
    if name == "parts":
        return [f"{part.name} {part.content_type} {part.kind}" for part in message.parts]
    return shown_value(getattr(message, name))


def test_there_are_enough_cases() -> None:
    assert len({str(case) for case in CASES}) == len(CASES) >= 280


def test_there_are_cases_of_every_section_that_says_how_a_send_goes() -> None:
    sections = {case.section.partition("-")[0] for case in CASES}
    assert {"1", "2", "3", "3.1", "3.2", "4", "8.1", "9", "10"} <= sections


def test_two_requests_that_are_the_same_are_two(server: Server, usual: str) -> None:
    step = {"path": "/SMSSend", "query": "smsto=447700900123&smsmsg=Again"}
    first, second = (ask(server, step, usual) for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    assert first.body != second.body
    assert len({message.id for message in stored(server, [first, second])}) == 2
