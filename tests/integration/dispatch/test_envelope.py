"""Our rings are what Celery itself would write, and a stock worker hears them."""

import base64
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import redis
from celery import Celery

from broker import dispatch
from broker.dispatch import JOB_OF, Queue
from tests.redis_server import die_with_parent

VARYING = {"id", "root_id", "correlation_id", "delivery_tag", "origin", "reply_to"}

WORKER = """
import sys
from celery import Celery
from redis import Redis

app = Celery(broker=sys.argv[1])
app.conf.update(task_ignore_result=True, accept_content=["json"], task_acks_late=True)
heard = Redis.from_url(sys.argv[1])

@app.task(name="take")
def take(*args, **kwargs):
    heard.rpush("heard", f"{args}{kwargs}")

app.worker_main(["worker", "-Q", "submit", "-P", "threads", "-c", "2", "--without-gossip", "--without-mingle",
                 "--loglevel", "WARNING"])
"""


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with redis.Redis.from_url(redis_url) as one:
        yield one


def as_celery_writes_it(redis_url: str, client: Any) -> dict[str, Any]:
    """Send the same job with Celery itself, and return what is in the queue then."""
    app = Celery(broker=redis_url)
    app.conf.update(task_ignore_result=True, broker_transport_options={"priority_steps": [0]})
    app.send_task(JOB_OF[Queue.SUBMIT], queue="submit", ignore_result=True)
    app.close()
    assert client.llen("submit") == 1
    written: dict[str, Any] = orjson.loads(client.lpop("submit"))
    return written


def without_ids(part: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in VARYING}


def test_a_ring_has_the_shape_that_celery_gives_it(redis_url: str, client: Any) -> None:
    theirs = as_celery_writes_it(redis_url, client)
    ours = orjson.loads(dispatch.ring(Queue.SUBMIT))
    assert ours.keys() == theirs.keys()
    assert ours["headers"].keys() == theirs["headers"].keys()
    assert ours["properties"].keys() == theirs["properties"].keys()
    for part in ("content-encoding", "content-type"):
        assert ours[part] == theirs[part]
    assert orjson.loads(base64.b64decode(ours["body"])) == orjson.loads(base64.b64decode(theirs["body"]))
    assert without_ids(ours["properties"]) == without_ids(theirs["properties"])
    known = without_ids(ours["headers"])
    for name, value in without_ids(theirs["headers"]).items():
        assert known[name] == value, name


def test_two_rings_never_share_a_delivery_tag() -> None:
    tags = {orjson.loads(dispatch.ring(Queue.SUBMIT))["properties"]["delivery_tag"] for _ in range(100)}
    assert len(tags) == 100


@pytest.mark.flaky_prone
def test_a_stock_worker_hears_our_ring(redis_url: str, client: Any) -> None:
    for _ in range(3):
        client.lpush("submit", dispatch.ring(Queue.SUBMIT))
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, redis_url],
        preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while client.llen("heard") < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert client.lrange("heard", 0, -1) == [b"(){}"] * 3
        assert client.llen("submit") == 0
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
