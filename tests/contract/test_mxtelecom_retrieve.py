"""`/RetrieveMMS` over a socket: what arrived, asked for and answered as the hand-made files have it."""

import io
import itertools
import json
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.domain.ids import new_id, new_number
from broker.domain.message import Direction, Message, Part, PartKind, PartState
from broker.domain.status import Event, Status
from broker.settings import Settings
from broker.storage import messages
from broker.storage.database import Database
from broker.storage.messages import Fresh, Move
from tests.conftest import SECRET_KEY
from tests.contract.dialect_cases import PAYLOADS
from tests.contract.wire_cases import login_of
from tests.contract.wire_server import Answer, Server, serve
from tests.redis_server import RedisServer

CASES = json.loads((PAYLOADS / "mxtelecom" / "5-retrieve.json").read_text())
PASSWORD = "s3cret"
DATABASE = 15

_names = (f"fetcher-{n}" for n in itertools.count(1))


@pytest.fixture(scope="module")
def server(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the account `another`."""
    with redis_server.client(DATABASE) as client:
        client.flushdb()
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("retrieve"),
        redis_url=f"{redis_server.url}/{DATABASE}",
        secret_key=SECRET_KEY,  # type: ignore[arg-type]
        port=0,
    )
    with serve(settings, {"accounts": [{"name": "another", "password": PASSWORD}]}) as one:
        yield one


def arrive(server: Server, account: str, arrived: Mapping[str, Any]) -> int:
    """Let a message arrive, as far as it says, and return its number."""
    at = datetime.now(UTC) - timedelta(seconds=arrived.get("age_s", 0))
    message_id, number = new_id(), new_number()
    folder = server.settings.attachments / message_id
    folder.mkdir(parents=True)
    parts = []
    for index, raw in enumerate(arrived["parts"], start=1):
        path = folder / f"{index}-{raw['name']}"
        path.write_text(raw.get("value", ""))
        parts.append(
            Part(
                index=index,
                name=raw["name"],
                content_type=raw["content_type"],
                kind=PartKind(raw.get("kind", "media")),
                state=PartState(raw.get("state", "stored")),
                path=str(path),
            )
        )
    message = Message(
        id=message_id,
        number=number,
        account=account,
        direction=Direction(arrived.get("direction", "in")),
        status=Status.RECEIVED,
        originator="+447700900123",
        recipient="60777",
        text=arrived.get("text", ""),
        parts=tuple(parts),
        created_at=at,
        valid_until=at + timedelta(days=2),
    )
    last = Event(arrived.get("event", "ready"))
    database = Database(server.settings.database)

    def job(sql: Any) -> None:
        messages.add(sql, [Fresh(message=message, event=Event.FETCH if parts else Event.READY)])
        if parts and last is not Event.FETCH:
            messages.move(sql, [Move(id=message_id, event=last, at=at, key=last)])

    database.write(job)
    database.close()
    return number


def ask(server: Server, step: Mapping[str, Any], account: str, number: int) -> Answer:
    """Do one step of a case."""
    login = step.get("login", login_of(step.get("account", account), PASSWORD))
    query = "&".join(filter(None, (login, step.get("query", f"id={number}"))))
    return server.ask(step.get("method", "GET"), f"{step.get('path', '/RetrieveMMS')}?{query}")


def files(answer: Answer) -> dict[str, str]:
    """Return what is in a zip."""
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_an_mms_is_fetched_as_the_sheet_says(case: Mapping[str, Any], server: Server) -> None:
    account = next(_names)
    server.provision({"accounts": [{"name": account, "password": PASSWORD, **case.get("account", {})}]})
    number = arrive(server, account, case["arrived"]) if "arrived" in case else 0
    bodies = set()
    for step in case["asks"]:
        answer, expected = ask(server, step, account, number), step["answer"]
        assert answer.status == expected["status"], answer.body
        assert answer.headers.items() >= expected.get("headers", {}).items()
        if answer.status == 200:
            assert answer.headers["content-type"] == "application/zip"
            assert answer.headers["cache-control"] == "no-store"
            assert expected.get("files", files(answer)) == files(answer)
            bodies.add(answer.body)
        if "code" in expected:
            assert answer.body.decode("ascii").split("\n")[1:] == [str(expected["code"])]
    assert len(bodies) <= 1
