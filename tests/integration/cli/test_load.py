"""The load generator against a server whose every answer is known."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from broker.cli.bench_requests import posts, sends
from broker.cli.load import closed, opened
from broker.domain.wire import Call
from broker.simulator.exchange import Reply, says
from broker.simulator.server import Server


class Target:
    """Answers 202 with the request's own body, but for numbers that it drops or refuses."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.refused: set[int] = set()
        self.port = 0

    def handle(self, call: Call) -> Reply:
        self.calls.append(call)
        return says({"number": len(self.calls)}, status=503 if len(self.calls) in self.refused else 202)


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """A listening target."""
    target = Target()
    server = Server(target.handle)
    target.port = await server.start("127.0.0.1", 0)
    yield target
    await server.stop()


async def test_a_closed_loop_sends_the_asked_number_and_stops(target: Target) -> None:
    target.refused = {3, 4}

    outcome = await closed("127.0.0.1", target.port, sends("key"), connections=4, count=50, limit_s=30)

    assert (outcome.sent, outcome.good, outcome.broken) == (50, 48, 0)
    assert outcome.statuses == {202: 48, 503: 2}
    assert len(outcome.latencies) == 50
    assert len(target.calls) == 50


async def test_a_closed_loop_ends_with_its_time(target: Target) -> None:
    outcome = await closed("127.0.0.1", target.port, sends("key"), connections=2, count=10**9, limit_s=0.2)

    assert outcome.sent == len(outcome.latencies) > 0


async def test_an_open_loop_keeps_its_pace_and_the_answers(target: Target) -> None:
    outcome = await opened("127.0.0.1", target.port, sends("key"), connections=2, rate=200, count=40)

    assert outcome.good == 40
    assert outcome.wall_s >= 39 / 200
    assert sorted(outcome.bodies) == sorted(outcome.sent_at) == list(range(40))
    assert orjson.loads(outcome.bodies[0]) == {"number": 1}


async def test_an_answer_in_pieces_is_one_answer() -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        for piece in (b"HTTP/1.1 202 Acc", b"epted\r\nContent-Length: 4\r\n", b"\r\nab", b"cd"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await closed("127.0.0.1", port, sends("k"), connections=1, count=1, limit_s=30, keep=True)
    server.close()
    await server.wait_closed()

    assert (outcome.statuses, outcome.bodies) == ({202: 1}, {0: b"abcd"})


async def test_a_connection_that_ends_early_is_counted() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await closed("127.0.0.1", port, sends("k"), connections=3, count=3, limit_s=30)
    server.close()
    await server.wait_closed()

    assert (outcome.good, outcome.broken) == (0, 3)


async def test_requests_are_well_formed_and_differ(target: Target) -> None:
    await closed("127.0.0.1", target.port, sends("key"), connections=1, count=2, limit_s=30)
    bodies = [b"[1]", b"[22]"]
    hooks = posts("/webhooks/c", "user", "word", bodies)
    await closed("127.0.0.1", target.port, hooks, connections=1, count=2, limit_s=30)

    first, second, *webhooks = target.calls
    assert first.headers["authorization"] == "Bearer key"
    assert orjson.loads(first.body)["to"] != orjson.loads(second.body)["to"]
    assert [call.body for call in webhooks] == bodies
    assert webhooks[0].headers["authorization"] == "Basic dXNlcjp3b3Jk"
