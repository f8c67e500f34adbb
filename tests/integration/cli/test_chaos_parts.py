"""The tools of the fault suite: clocks, journals and the carrier's file, each with real processes and files."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from broker.cli.chaos.carried import Carried
from broker.cli.chaos.clocks import Clocks
from broker.cli.chaos.journal import Journal
from broker.cli.chaos.proxy import Proxy
from broker.cli.chaos.snare import Snare
from tests.redis_server import RedisServer

SHOWS = "import sys, time\nfor _ in sys.stdin: print(time.time(), time.monotonic(), flush=True)"
HEARS = """
import redis, sys
with redis.Redis(port=int(sys.argv[1])) as client:
    while True:
        print(client.brpop(["events", "submit"])[0].decode(), flush=True)
"""
RING = b"*2\r\n$6\r\nsubmit\r\n"


def test_a_running_process_is_two_hours_ahead_and_its_neighbour_is_not(tmp_path: Path) -> None:
    clocks = Clocks(tmp_path)
    if not clocks.build():
        assert "CI" not in os.environ, "CI has a C compiler"
        pytest.skip("there is no C compiler here")
    first, second = (started(clocks) for _ in range(2))
    try:
        assert [abs(shown(each) - time.time()) < 60 for each in (first, second)] == [True, True]
        clocks.shift(first.pid, 7200)
        assert 7140 < shown(first) - time.time() < 7260
        assert abs(shown(second) - time.time()) < 60
        clocks.right()
        assert abs(shown(first) - time.time()) < 60
    finally:
        for each in (first, second):
            each.communicate()


def started(clocks: Clocks) -> "subprocess.Popen[str]":
    """Start a process that tells the time whenever it is asked."""
    return subprocess.Popen(
        [sys.executable, "-c", SHOWS],
        env={**os.environ, **clocks.environment()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def shown(process: "subprocess.Popen[str]") -> float:
    """Return what a process takes for the time."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline().split()[0])


async def test_who_writes_to_a_journal_goes_on_when_the_line_is_there(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)

    async def write(number: int) -> None:
        await journal.write({"number": number})
        assert {"number": number} in [json.loads(line) for line in path.read_text().splitlines()]

    await asyncio.gather(*(write(number) for number in range(50)))
    journal.note({"number": 50})
    journal.close()
    assert sorted(json.loads(line)["number"] for line in path.read_text().splitlines()) == list(range(51))


def test_the_carriers_file_is_read_as_it_grows_and_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "carrier"
    carried = Carried(path)
    carried.read()
    line = {
        "at": "2026-01-17T13:10:25.000000Z",
        "id": "c",
        "tag": "id-1.2",
        "text": "m-1 hello",
        "to": ["+1"],
    }
    whole = json.dumps(line) + "\n"
    path.write_text(whole + json.dumps({**line, "id": None, "text": "m-2 refused"}) + "\n" + whole[:20])
    carried.read()
    assert [(each.message, each.marker, each.to) for each in carried.creates] == [("id-1", "m-1", "+1")]
    with path.open("a") as file:
        file.write(whole[20:])
    carried.read()
    carried.read()
    assert len(carried.creates) == 2
    assert carried.markers == {"m-1"}


async def test_a_ring_in_a_snare_was_popped_and_never_reaches_the_process_that_dies(
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis()
    proxy = Proxy(server.port)
    await proxy.start()
    snare = proxy.snare = Snare(RING)
    hears = subprocess.Popen([sys.executable, "-c", HEARS, str(proxy.port)], stdout=subprocess.PIPE)
    try:
        with server.client() as client:
            client.lpush("events", "another ring")
            assert hears.stdout is not None
            assert await asyncio.to_thread(hears.stdout.readline) == b"events\n"
            client.lpush("submit", "a ring")
            await asyncio.wait_for(snare.caught.wait(), 10)
            assert client.llen("submit") == 0
        assert not snare.lost.is_set()
        hears.kill()
        await asyncio.wait_for(snare.lost.wait(), 10)
    finally:
        hears.kill()
        left, _ = hears.communicate()
        await proxy.stop()
    assert left == b""


async def test_a_snare_that_is_freed_passes_on_what_it_held_and_says_that_nobody_died(
    own_redis: Callable[..., RedisServer],
) -> None:
    server = own_redis()
    proxy = Proxy(server.port)
    await proxy.start()
    snare = proxy.snare = Snare(RING)
    try:
        with server.client() as client, redis.Redis(port=proxy.port) as other:
            client.lpush("submit", "a ring")
            popped = asyncio.create_task(asyncio.to_thread(other.brpop, ["submit"]))
            await asyncio.wait_for(snare.caught.wait(), 10)
            snare.free()
            assert await asyncio.wait_for(popped, 10) == (b"submit", b"a ring")
            assert not snare.lost.is_set()
    finally:
        await proxy.stop()
