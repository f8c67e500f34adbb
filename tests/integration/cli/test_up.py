"""`up` runs the whole stack on one folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]

RINGPOST = [sys.executable, "-P", "-m", "broker.cli.main"]
WITHIN_S = 120.0


class Stack:
    """One `up` and its folder."""

    def __init__(self, data: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.data = data
        self.process = subprocess.Popen(
            [*RINGPOST, "up", "--data", str(data), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **(env or {})},
        )

    def ready(self) -> dict[str, Any]:
        """Wait until everything is up."""
        return self.until(bool)

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until endpoints.json says what is wanted."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            file = self.data / "endpoints.json"
            found = json.loads(file.read_text()) if file.exists() else {}
            if wanted(found):
                return dict(found)
            assert self.process.poll() is None, self.process.communicate()[0]
            time.sleep(0.02)
        raise AssertionError("waited too long")

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command on the same folder."""
        command = [*RINGPOST, *words, "--data", str(self.data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def deliver(self) -> dict[str, Any]:
        """Send a message, again while the stack is coming back, and follow it to its end."""
        words = ("send", "--to", "+12025550101", "--from", "+12025550150", "--text", "Hi", "--wait", "60")
        deadline = time.monotonic() + WITHIN_S
        while (done := self.ask(*words)).returncode and time.monotonic() < deadline:
            time.sleep(0.2)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def end(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Send a signal, wait for the end, and return what was said."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)[0]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Start stacks on ports the system gives; they end with the test."""
    started: list[Stack] = []

    def up(*options: str, data: str = "data", port: int = 0, **env: str) -> Stack:
        started.append(Stack(tmp_path / data, "--port", str(port), *options, env=env))
        return started[-1]

    yield up
    for stack in started:
        stack.process.kill()
        stack.process.communicate()


def pids(endpoints: dict[str, Any]) -> list[int]:
    """Return every process of a stack."""
    return [pid for found in endpoints["processes"].values() for pid in found]


def alive(pid: int) -> bool:
    """Say whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_stack_says_where_it_is_serves_refuses_a_second_and_ends_whole(start: Callable[..., Stack]) -> None:
    stack = start()
    endpoints = stack.ready()
    assert endpoints.keys() == {
        "ingress", "console", "metrics", "metrics_of", "flower", "simulator", "redis", "database", "attachments",
        "logs", "processes",
    }  # fmt: skip
    assert {role: len(found) for role, found in endpoints["processes"].items()} == {
        "redis": 1, "simulator": 1, "ingress": 1, "scheduler": 1, "worker": 2, "flower": 1,
    }  # fmt: skip
    assert endpoints["attachments"] == str(stack.data / "MMSAttachments")
    assert all(alive(pid) for pid in pids(endpoints))

    second = Stack(stack.data, "--port", "0")
    said = second.process.communicate(timeout=60)[0]
    assert (second.process.returncode, f"(process {stack.process.pid})" in said) == (2, True)

    sent = stack.deliver()
    assert sent["status"] == "delivered"
    listed = stack.ask("messages", "ls", "--status", "delivered")
    assert json.loads(listed.stdout)["id"] == sent["id"]

    assert endpoints["metrics_of"].keys() == {"ingress", "worker-submit", "worker-other", "scheduler"}
    pages = {name: urlopen(url, timeout=30).read().decode() for name, url in endpoints["metrics_of"].items()}
    sent = [line for line in pages["worker-submit"].splitlines() if line.startswith("broker_attempts_total{")]
    assert [line.split()[1] for line in sent if '"2xx"' in line] == ["1.0"], "each worker counts what it did"
    assert "broker_scheduler_active 1.0" in pages["scheduler"]
    assert all(
        'broker_queue_depth{queue="submit",state="lane"}' in pages[name] for name in ("ingress", "scheduler")
    )
    for name in ("worker-submit", "worker-other"):
        beat = next(
            line for line in pages[name].splitlines() if line.startswith("broker_worker_heartbeat_seconds ")
        )
        assert abs(float(beat.split()[1]) - time.time()) < 60, "a worker's loop goes round"

    looked = stack.ask("doctor", "--json")
    assert [row for row in map(json.loads, looked.stdout.splitlines()) if row["level"] == "fail"] == []
    assert looked.returncode == 0

    assert "+12025550101" not in "".join(log.read_text() for log in (stack.data / "logs").iterdir())

    started = time.monotonic()
    stack.end(signal.SIGTERM)
    assert time.monotonic() - started < 35
    assert stack.process.returncode == 0
    assert not any(alive(pid) for pid in pids(endpoints))
    assert not (stack.data / "endpoints.json").exists()


def test_what_dies_is_started_again_at_the_same_place(start: Callable[..., Stack]) -> None:
    stack = start("--no-flower")
    before = stack.ready()
    for role in ("ingress", "redis", "simulator", "worker"):
        now = json.loads((stack.data / "endpoints.json").read_text())["processes"]
        os.kill(now[role][0], signal.SIGKILL)
        stack.until(lambda found, role=role, old=now[role][0]: old not in found["processes"][role])  # type: ignore[misc]
    after = json.loads((stack.data / "endpoints.json").read_text())
    assert {name: value for name, value in after.items() if name != "processes"} == {
        name: value for name, value in before.items() if name != "processes"
    }
    assert stack.deliver()["status"] == "delivered"


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel to end the orphans")
def test_several_ingress_processes_are_one_door(start: Callable[..., Stack]) -> None:
    stack = start("--ingresses", "3", "--no-flower")
    endpoints = stack.ready()
    doors = endpoints["ingresses"]
    assert (len(set(doors)), doors[0], len(endpoints["processes"]["ingress"])) == (3, endpoints["ingress"], 3)
    key = (stack.data / "client.key").read_text().strip()
    body = {"to": "+12025550101", "from": "+12025550150", "text": "Hi"}

    def ask(url: str, *, data: Any = None, **headers: str) -> dict[str, Any]:
        headers |= {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = Request(url, data=data and json.dumps(data).encode(), headers=headers)
        return dict(json.load(urlopen(request, timeout=30)))

    for number in range(5):
        send = partial(ask, data=body, **{"Idempotency-Key": f"key-{number}"})
        with ThreadPoolExecutor() as copies:
            answers = list(copies.map(lambda door, send=send: send(f"{door}/v1/messages"), doors))
        assert len({answer["id"] for answer in answers}) == 1
        assert {ask(f"{door}/v1/messages/{answers[0]['id']}")["id"] for door in doors} == {answers[0]["id"]}

    def hears(door: str) -> bool:
        with urlopen(f"{door}/metrics", timeout=30) as page:
            return b'broker_webhook_in_total{connection="simulator",verdict="taken"}' in page.read()

    stack.until(lambda _: all(hears(door) for door in doors))

    os.kill(endpoints["processes"]["ingress"][0], signal.SIGKILL)
    assert ask(f"{doors[1]}/v1/messages", data=body, **{"Idempotency-Key": "key-0"})["id"]
    before = endpoints["processes"]["ingress"]
    again = stack.until(lambda found: found["processes"]["ingress"][0] not in before)
    assert again["ingresses"] == doors


def test_a_killed_up_leaves_nobody_and_the_next_finds_everything(start: Callable[..., Stack]) -> None:
    stack = start("--no-flower", "--no-simulator")
    endpoints = stack.ready()
    stack.end(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in pids(endpoints)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(alive(pid) for pid in pids(endpoints))

    again = start("--no-flower", "--no-simulator").ready()
    assert again["redis"] == endpoints["redis"], "the port is kept"


def test_a_port_in_use_is_stepped_over_and_said(start: Callable[..., Stack]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stack = start("--no-flower", "--no-simulator", port=port)
        endpoints = stack.ready()
        assert endpoints["ingress"] != f"http://127.0.0.1:{port}"
        assert f"port {port} is in use, ingress takes" in stack.end()


def test_a_wrong_provisioning_file_stops_the_start_with_a_sentence(
    start: Callable[..., Stack], tmp_path: Path
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text('[[accounts]]\nname = "acme"\napi_key = "x"\n')
    said, _ = start("--provision", str(file)).process.communicate(timeout=60)
    assert "accounts[1].api_key is not a known key; did you mean api_keys?" in said
    assert "Traceback" not in said


def test_servers_of_ones_own_are_used_instead_of_the_embedded_ones(
    start: Callable[..., Stack], redis_url: str, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path / 'other.db'}"
    stack = start("--no-flower", "--no-simulator", BROKER_REDIS_URL=redis_url, BROKER_DATABASE_URL=database)
    endpoints = stack.ready()
    assert (endpoints["redis"], endpoints["database"]) == (redis_url, database)
    assert "redis" not in endpoints["processes"]
    assert (tmp_path / "other.db").exists()


def test_a_redis_that_would_lose_messages_stops_the_start(
    start: Callable[..., Stack], own_redis: Callable[..., Any]
) -> None:
    server = own_redis(appendonly=False)
    stack = start("--no-flower", "--no-simulator", BROKER_REDIS_URL=f"{server.url}/0")
    said, _ = stack.process.communicate(timeout=WITHIN_S)
    assert stack.process.returncode == 1
    assert "Redis keeps nothing on disk" in said
