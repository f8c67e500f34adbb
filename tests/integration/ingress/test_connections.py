"""Connections: their number, and those that do not speak HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from broker.settings import Settings
from tests.integration.ingress.conftest import Ingress, Running

Make = Callable[..., Settings]
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[Ingress], Awaitable[Pair]]
LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


def port(ingress: Ingress) -> int:
    return int(ingress.url.rpartition(":")[2])


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Open connections that end with the test."""
    pairs: list[Pair] = []

    async def opened(ingress: Ingress) -> Pair:
        pairs.append(await asyncio.open_connection("127.0.0.1", port(ingress)))
        return pairs[-1]

    yield opened
    for _, writer in pairs:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def said(pair: Pair, question: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Return status line, headers and body of an answer."""
    reader, writer = pair
    writer.write(question)
    async with asyncio.timeout(20):
        head = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in head[1:-2])
        return head[0], headers, await reader.readexactly(int(headers.get(b"content-length", 0)))


async def test_connections_over_the_limit_are_told_so_and_closed(
    running: Running, make_settings: Make, dial: Dial
) -> None:
    async with running(make_settings(connections_limit=3)) as ingress:
        first = [await dial(ingress) for _ in range(3)]
        for pair in first:
            assert (await said(pair, LIVE))[0] == b"HTTP/1.1 200 OK"
        over = await dial(ingress)
        line, headers, _ = await said(over, b"")
        assert (line, headers[b"retry-after"]) == (b"HTTP/1.1 503 Service Unavailable", b"1")
        async with asyncio.timeout(20):
            assert await over[0].read() == b""
        # Those who were here first are served on, and who leaves makes room.
        assert (await said(first[0], LIVE))[0] == b"HTTP/1.1 200 OK"
        page = await said(first[1], b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"broker_connections_refused_total 1.0" in page[2]
        first[0][1].close()
        async with asyncio.timeout(20):
            while True:
                try:
                    line, _, _ = await said(await dial(ingress), LIVE)
                except (asyncio.IncompleteReadError, ConnectionError):
                    continue
                if line == b"HTTP/1.1 200 OK":
                    break


CANARY = b"canary"


@pytest.mark.parametrize(
    "start",
    [
        b"GET /v1/messages?text=" + CANARY + b" HTTQ/1.1\r\nHost: x\r\n\r\n",
        b"G\x01T /v1/messages HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + CANARY,
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: " + CANARY + b"\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nbad header" + CANARY + b"\x00: 1\r\n\r\n",
        b"GET /nowhere HTTP/9\r\n\r\n",
        b"GET /v1/messages?x=" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["version", "method", "tls", "length", "header", "nowhere", "long"],
)
async def test_what_is_no_http_gets_a_problem_document(ingress: Ingress, dial: Dial, start: bytes) -> None:
    pair = await dial(ingress)
    line, headers, body = await said(pair, start)
    assert line.split()[1] == b"400"
    assert headers[b"content-type"] == b"application/problem+json"
    assert json.loads(body)["code"] == "malformed"
    assert CANARY not in body
    async with asyncio.timeout(20):
        assert await pair[0].read() == b"", "the connection is closed"


async def test_what_was_meant_for_an_ozeki_gateway_is_answered_in_its_words(
    ingress: Ingress, dial: Dial
) -> None:
    start = (
        b"GET /api?action=sendmessage&username=acme&password=" + CANARY + b"&messagedata=a b HTTP/1.1\r\n\r\n"
    )
    line, headers, body = await said(await dial(ingress), start)
    assert line.startswith(b"HTTP/1.")
    assert headers[b"content-type"].startswith(b"application/xml")
    assert b"<statuscode>104</statuscode>" in body
    assert CANARY not in body


async def test_a_good_request_before_a_bad_one_is_answered(ingress: Ingress, dial: Dial) -> None:
    pair = await dial(ingress)
    line, _, body = await said(pair, LIVE)
    assert (line, json.loads(body)["status"]) == (b"HTTP/1.1 200 OK", "ok")
    assert (await said(pair, b"rubbish\r\n\r\n"))[0].split()[1] == b"400"
