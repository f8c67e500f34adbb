"""What an MX Telecom request has in its query reaches no log, no metric, no answer and no task."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import redis

from broker.settings import Settings
from tests.contract.wire_cases import body_of
from tests.contract.wire_server import Answer, Server
from tests.redis_server import die_with_parent, free_port

PASSWORD, TEXT, NOTE = "canary-of-a-password", "canary-of-a-text", "canary-of-a-note"
WRONG, SUBJECT, HOST = "canary-of-a-guess", "canary-of-a-subject", "canary-of-a-host.example"
TO = "447700900987"
SENDER = "+447700900456"
CANARIES = (PASSWORD, TEXT, NOTE, WRONG, SUBJECT, TO, TEXT.encode("utf-16-be").hex())
READY_S = 60.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the server logs."""
    return tmp_path / "ingress.log"


@pytest.fixture
def server(settings: Settings, log: Path) -> Iterator[Server]:
    """The ingress as a process of its own, which logs everything."""
    port = free_port()
    account = {"name": "acme", "password": PASSWORD, "senders": [SENDER], "country": "GB"}
    connection = {"name": "carrier-1", "provider": "loopback", "base_url": "http://127.0.0.1:9"}
    one = Server(port=port, settings=settings)
    one.prepare({"accounts": [account], "connections": [connection]})
    environment = {
        **os.environ,
        "BROKER_DATA_DIR": str(settings.data_dir),
        "BROKER_REDIS_URL": settings.redis_url,
        "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
        "BROKER_PORT": str(port),
        "BROKER_LOG_LEVEL": "DEBUG",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "broker"],
            env=environment,
            stderr=out,
            stdout=out,
            preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
        )
        try:
            wait_until_up(one)
            yield one
        finally:
            process.terminate()
            process.wait(30)


def wait_until_up(server: Server) -> None:
    """Return when the server answers."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            assert server.ask("GET", "/livez").status == 200
        except OSError:
            assert time.monotonic() < deadline, "the ingress did not come up"
            time.sleep(0.1)
        else:
            return


def queries() -> dict[str, str]:
    """Return queries by what is the matter with each."""
    login = f"user=acme&pass={quote_plus(PASSWORD)}"
    text = f"smsto={TO}&smsmsg={TEXT}&note={NOTE}"
    mms = f"to={TO}&from={SENDER[1:]}&subject={SUBJECT}&note={NOTE}"
    hexed = TEXT.encode("utf-16-be").hex()
    return {
        "taken": f"/SMSSend?{login}&{text}",
        "taken as UCS-2": f"/SMSSend?{login}&smsto={TO}&smsucs2={hexed}",
        "guessed": f"/SMSSend?user=acme&pass={WRONG}&{text}",
        "without a user": f"/SMSSend?pass={PASSWORD}&{text}",
        "from somebody else": f"/SMSSend?{login}&{text}&smsfrom={TEXT}",
        "with a flag that is none": f"/SMSSend?{login}&{text}&report={TEXT}",
        "with a text that is too long": f"/SMSSend?{login}&smsto={TO}&smsmsg={TEXT * 20}",
        "with an address inside": f"/SendMMS?{login}&{mms}&url={quote('http://127.0.0.1:9/' + TEXT)}",
        "with an address that is none": f"/SendMMS?{login}&{mms}&url={TEXT}",
        "to nobody twice": f"/SendMMS?{login}&{mms}&to={TO}&url={quote('http://' + HOST)}",
        "by a method that is none": f"/SMSSend?{login}&{text}",
        "to a path that is none": f"/sms/v1/bulksend?{login}&{text}",
        "with too many names": f"/SMSSend?{login}&{text}&" + "&".join(f"x{n}={TEXT}" for n in range(600)),
        "too long to be read": f"/SMSSend?{login}&{text}&x={TEXT * 6000}",
    }


def forms() -> list[Mapping[str, Any]]:
    """Return forms that cannot be used."""
    secrets = [
        {"name": "user", "value": "acme"},
        {"name": "pass", "value": PASSWORD},
        {"name": "to", "value": TO},
        {"name": "from", "value": SENDER},
        {"name": "subject", "value": SUBJECT},
    ]
    return [
        {"multipart": [*secrets, {"name": "mms.zip", "filename": f"{TEXT}.zip", "value": TEXT}]},
        {"multipart": [*secrets, {"name": "mms.zip", "filename": "a", "zip": {f"{TEXT}.txt": TEXT}}]},
        {
            "multipart": [
                *secrets,
                {"name": "mms.zip", "filename": "a", "zip": {"manifest": f"{TEXT}={TEXT}"}},
            ]
        },
        {"form": f"user=acme&pass={PASSWORD}&to={TO}&from={TEXT}&url={quote_plus('http://' + HOST)}"},
    ]


def shown(answer: Answer) -> str:
    """Return all of an answer."""
    return f"{answer.headers}\n{answer.body.decode('latin-1')}"


def test_nothing_of_a_request_is_seen_anywhere_but_in_the_message(server: Server, log: Path) -> None:
    answers = {}
    for what, target in queries().items():
        method = "PUT" if "method" in what else "GET"
        answers[what] = server.ask(method, target)
    for n, form in enumerate(forms()):
        body, headers = body_of(form, "")
        answers[f"form {n}"] = server.ask("POST", "/SendMMS", body, headers)
    statuses = {what: answer.status for what, answer in answers.items()}
    assert statuses == {
        **dict.fromkeys(statuses, 403),
        **dict.fromkeys(["taken", "taken as UCS-2"], 200),
        "by a method that is none": 405,
        "to a path that is none": 404,
    }
    metrics = server.ask("GET", "/metrics")
    assert b"SMSSend" in metrics.body, "the paths are counted"
    lines = log.read_text()
    assert "ingress_started" in lines, "something is logged"
    with redis.Redis.from_url(server.settings.redis_url) as client:
        rings = b"".join(client.lrange("submit", 0, -1)).decode("latin-1")
    assert rings, "a ring waits"
    seen = {"log": lines, "metrics": shown(metrics), "rings": rings}
    seen |= {f"answer to a request {what}": shown(answer) for what, answer in answers.items()}
    assert [(canary, place) for place, text in seen.items() for canary in CANARIES if canary in text] == []
