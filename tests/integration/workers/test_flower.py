"""Flower, as a process of its own beside a real worker: behind a password, with all our tasks, with nothing secret."""

import base64
import json
import os
import pickle
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from broker.dispatch import Queue, ring
from broker.settings import Settings
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import admit, new_message
from tests.integration.workers.test_doorbell import Worker
from tests.redis_server import RedisServer, die_with_parent, free_port

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(240)]

PASSWORD, REDIS_PASSWORD = "who may look", "canary-of-redis"
TEXT, NUMBER = "canary-of-a-text", "+12025550177"


class Flower:
    """One Flower process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self._port = free_port()
        env = {
            **os.environ,
            "BROKER_DATA_DIR": str(settings.data_dir),
            "BROKER_REDIS_URL": settings.redis_url,
            "BROKER_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BROKER_FLOWER_PASSWORD": PASSWORD,
            "BROKER_PUBLIC_URL": "https://broker.example",
        }
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "broker.cli.main", "flower", "--port", str(self._port)],
                env=env,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
            )
        until(lambda: self.get("/api/workers", status=None))

    def get(self, path: str, *, login: str = f"ops:{PASSWORD}", status: int | None = 200) -> str:
        """Return a page; nothing of one that is not there yet."""
        headers = {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                found, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            found, text = error.code, error.read().decode()
        except OSError:
            return ""
        assert status in (None, found), (path, found, text)
        return str(text)

    def tasks(self) -> dict[str, Any]:
        """Return the tasks that it knows, by their ids."""
        return dict(json.loads(self.get("/api/tasks?limit=1000")))


@pytest.fixture
def settings(prepared: Callable[..., Settings], own_redis: Callable[..., RedisServer]) -> Settings:
    """Settings for a Redis that wants a password."""
    server = own_redis()
    with server.client() as client:
        client.config_set("requirepass", REDIS_PASSWORD)
    return prepared(redis_url=f"redis://:{REDIS_PASSWORD}@127.0.0.1:{server.port}/0")


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[Worker]:
    one = Worker(settings, tmp_path, queues="submit.high,submit,events,media,callbacks,sweeps")
    yield one
    one.process.kill()
    one.process.wait()


@pytest.fixture
def flower(settings: Settings, worker: Worker, tmp_path: Path) -> Iterator[Flower]:
    one = Flower(settings, tmp_path / "flower.log")
    yield one
    one.process.kill()
    one.process.wait()


def test_flower_shows_our_tasks_with_their_times_and_nothing_of_what_they_do(
    flower: Flower, settings: Settings, carrier: Carrier
) -> None:
    ids = admit(settings, [new_message(text=TEXT, recipient=NUMBER) for _ in range(3)])
    until(lambda: len(carrier.tags()) == 3)
    with redis.Redis.from_url(settings.redis_url) as client:
        for queue in Queue:
            client.lpush(queue, ring(queue))
    wanted = {"take", "take_events", "take_media", "take_callbacks", "sweep"}
    until(lambda: {task["name"] for task in flower.tasks().values() if task["state"] == "SUCCESS"} >= wanted)
    tasks = flower.tasks()
    for task in tasks.values():
        assert (task["args"], task["kwargs"]) == ("()", "{}"), task
    done = [task for task in tasks.values() if task["state"] == "SUCCESS"]
    assert all(task["runtime"] > 0 and task["received"] and task["worker"] for task in done)
    (name,) = json.loads(flower.get("/api/workers?refresh=true"))
    one = next(iter(tasks))
    pages = [
        "/",
        "/tasks",
        "/broker",
        f"/worker/{name}",
        f"/task/{one}",
        "/metrics",
        "/api/tasks",
        f"/api/task/info/{one}",
        "/api/task/types",
        "/api/queues/length",
        "/api/workers?refresh=true",
    ]
    shown = {path: flower.get(path, status=None) for path in pages}
    assert all(shown.values())
    assert "flower_task_runtime_seconds" in shown["/metrics"]
    secret = settings.secret_key.get_secret_value()
    for path, text in shown.items():
        for canary in (TEXT, NUMBER[1:], *ids, REDIS_PASSWORD, secret, PASSWORD, "an-api-key"):
            assert canary not in text, (path, canary)


@pytest.mark.parametrize("path", ["/", "/tasks", "/api/tasks", "/api/workers", "/broker"])
def test_nobody_sees_anything_without_the_password(flower: Flower, path: str) -> None:
    for login in ("", "ops:", f"admin:{PASSWORD}", "ops:wrong"):
        assert "take" not in flower.get(path, login=login, status=401)


def test_every_page_leads_back_to_the_console(flower: Flower) -> None:
    for path in ("/", "/workers", "/tasks", "/broker"):
        assert '<a class="nav-link" href="https://broker.example/console/">Console</a>' in flower.get(path)


def test_a_task_that_is_not_json_is_not_read_and_stops_nobody(
    worker: Worker, settings: Settings, carrier: Carrier, tmp_path: Path
) -> None:
    mark = tmp_path / "read"
    bomb = base64.b64encode(pickle.dumps(_Bomb(str(mark)))).decode()
    rung = json.loads(ring(Queue.SUBMIT))
    rung |= {"body": bomb, "content-type": "application/x-python-serialize", "content-encoding": "binary"}
    with redis.Redis.from_url(settings.redis_url) as client:
        client.lpush(Queue.SUBMIT, json.dumps(rung))
        until(lambda: not client.llen(Queue.SUBMIT))
    admit(settings, [new_message()])
    until(lambda: len(carrier.tags()) == 1)
    assert not mark.exists()
    assert worker.process.poll() is None


class _Bomb:
    """Something that does what it should not when it is read."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (self._path,)
