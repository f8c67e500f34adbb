"""What surrounds the APIs: links, health, metrics, slow clients, the end."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from broker.dialects.native.openapi import document
from broker.domain.links import sign
from broker.ingress.app import build_app
from broker.ingress.doors import Doors
from broker.settings import Settings
from tests.conftest import SECRET_KEY
from tests.integration.ingress.conftest import DOCUMENT, Ingress, Running
from tests.prepared import prepare
from tests.redis_server import die_with_parent, free_port


def link(
    settings: Settings, path: Path, *, expires_at: float | None = None, content_type: str = "image/png"
) -> str:
    until = int(time.time() + 60 if expires_at is None else expires_at)
    folders = (settings.attachments, settings.uploads)
    token = sign(path, folders=folders, content_type=content_type, secret_key=SECRET_KEY, expires_at=until)
    return f"/media/{token}"


@pytest.fixture
def stored(settings: Settings) -> Path:
    path = settings.attachments / "01a20022-3fe9-71ad-beb7-bd1bd8ef99a6" / "1-cat.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\nbytes")
    return path


async def test_a_link_gives_the_file_and_never_a_page(
    ingress: Ingress, settings: Settings, stored: Path
) -> None:
    for path in (link(settings, stored), link(settings, stored) + "/cat.png"):
        answer = await ingress.client.get(ingress.url + path)
        assert (answer.status, await answer.read()) == (200, stored.read_bytes())
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    head = await ingress.client.head(ingress.url + link(settings, stored))
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(stored.read_bytes())))


async def test_a_link_that_is_over_or_not_ours_leads_nowhere(
    ingress: Ingress, settings: Settings, stored: Path
) -> None:
    good = link(settings, stored)
    over = link(settings, stored, expires_at=time.time() - 1)
    for path in (
        over,
        good[:-1],
        good[:9] + "A" + good[10:],
        "/media/x",
        "/media/%00",
        "/media/" + "A" * 500,
    ):
        answer = await ingress.client.get(ingress.url + path)
        assert answer.status == 404, path


async def test_a_link_to_a_file_that_leads_out_of_the_folder_leads_nowhere(
    ingress: Ingress, settings: Settings, stored: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (stored.parent / "2-link.png").symlink_to(secret)
    assert (
        await ingress.client.get(ingress.url + link(settings, stored.parent / "2-link.png"))
    ).status == 404
    assert (await ingress.client.get(ingress.url + link(settings, stored.parent))).status == 404
    stored.unlink()
    assert (await ingress.client.get(ingress.url + link(settings, stored))).status == 404


async def test_health_is_told_without_details(ingress: Ingress) -> None:
    live = await ingress.client.get(f"{ingress.url}/livez")
    assert (live.status, await live.json()) == (200, {"status": "ok"})
    async with asyncio.timeout(20):
        while (ready := await ingress.client.get(f"{ingress.url}/readyz")).status != 200:
            pass
    assert await ready.json() == {"status": "ok", "redis": True, "database": True}


async def test_metrics_name_routes_and_never_ids(ingress: Ingress) -> None:
    sent = await (await ingress.send()).json()
    await ingress.get(f"/v1/messages/{sent['id']}")
    await ingress.get("/nowhere/secret-word")
    page = await (await ingress.client.get(f"{ingress.url}/metrics")).text()
    assert 'broker_http_requests_total{method="POST",route="/v1/messages",status="202"} 1.0' in page
    assert 'broker_http_requests_total{method="GET",route="/v1/messages/{id}",status="200"} 1.0' in page
    assert 'route="unmatched",status="404"} 1.0' in page
    assert 'broker_http_request_seconds_count{route="/v1/messages"} 1.0' in page
    assert 'broker_messages_accepted_total{direction="out",type="sms"} 1.0' in page
    assert "broker_build_info" in page
    for secret in (sent["id"], "secret-word", "acme", "+1202"):
        assert secret not in page


async def test_keys_that_were_used_before_are_counted_by_what_they_were_used_for(ingress: Ingress) -> None:
    for text, status in (("one", 202), ("one", 202), ("another", 409)):
        assert (await ingress.send({"text": text}, Idempotency_Key="k")).status == status
    page = await (await ingress.client.get(f"{ingress.url}/metrics")).text()
    assert 'broker_idempotency_total{result="replayed"} 1.0' in page
    assert 'broker_idempotency_total{result="conflict"} 1.0' in page


async def test_the_depth_of_the_queues_is_measured(ingress: Ingress) -> None:
    await ingress.send()
    async with asyncio.timeout(20):
        while (
            'broker_queue_depth{queue="submit",state="admitted"} 1.0'
            not in await (await ingress.client.get(f"{ingress.url}/metrics")).text()
        ):
            await asyncio.sleep(0.05)


async def test_the_openapi_document_is_served(ingress: Ingress) -> None:
    document = await (await ingress.client.get(f"{ingress.url}/openapi.json")).json()
    assert document["openapi"].startswith("3.1")


async def test_every_path_of_the_native_api_is_described(settings: Settings) -> None:
    doors = await Doors.open(settings)
    try:
        served = {(method, path) for method, path in build_app(doors).paths if path.startswith("/v1/")}
    finally:
        await doors.close()
    described = {(method.upper(), path) for path, item in document()["paths"].items() for method in item}
    assert served == described


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HT",
    ],
    ids=["nothing", "half a head", "idle after an answer", "half a second head"],
)
async def test_a_client_that_dawdles_is_cut_off(running: Running, start: bytes) -> None:
    async with running(idle_s=0.3) as ingress:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(ingress.url.rpartition(":")[2]))
        writer.write(start)
        async with asyncio.timeout(20):
            await reader.read()
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"POST /v1/media HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9\r\n\r\n--b\r\n",
    ],
    ids=["length", "chunked", "multipart"],
)
async def test_a_body_that_does_not_come_is_not_waited_for(running: Running, head: bytes) -> None:
    async with running(body_s=0.3) as ingress:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(ingress.url.rpartition(":")[2]))
        writer.write(head)
        async with asyncio.timeout(20):
            assert (await reader.readline()).split()[1] in {b"400", b"401"}
        writer.close()


@pytest.mark.parametrize(
    ("version", "wish", "told", "stays"),
    [
        (b"1.1", b"", None, True),
        (b"1.1", b"Connection: close\r\n", b"close", False),
        (b"1.0", b"", b"close", False),
        (b"1.0", b"Connection: keep-alive\r\n", b"keep-alive", True),
    ],
)
async def test_a_connection_is_kept_as_the_client_wishes(
    ingress: Ingress, version: bytes, wish: bytes, told: bytes | None, stays: bool
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(ingress.url.rpartition(":")[2]))
    for _ in range(2 if stays else 1):
        writer.write(b"GET /api?action=x HTTP/" + version + b"\r\nHost: x\r\n" + wish + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        assert (fields.get(b"Connection"), b"Date" in fields) == (told, True)
        assert fields[b"Cache-Control"] == b"no-store"
        await reader.readexactly(int(fields[b"Content-Length"]))
    if not stays:
        assert await reader.read() == b""
    writer.close()


async def test_ambiguous_lengths_are_refused(ingress: Ingress) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(ingress.url.rpartition(":")[2]))
    writer.write(
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    )
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()


@pytest.fixture
def environ(settings: Settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "BROKER_DATA_DIR": str(settings.data_dir),
        "BROKER_REDIS_URL": settings.redis_url,
        "BROKER_SECRET_KEY": SECRET_KEY,
        "BROKER_PORT": str(free_port()),
    }


def started(environ: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as lines:
        return subprocess.Popen(
            [sys.executable, "-m", "broker"],
            env=environ,
            stderr=lines,
            preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
        )


async def until_it_listens(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def until_it_refuses(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except (ConnectionRefusedError, ConnectionResetError):
                return
            writer.close()
            await asyncio.sleep(0.02)


@pytest.mark.flaky_prone
async def test_sigterm_ends_the_process_after_what_is_in_flight(
    environ: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    prepare(settings, DOCUMENT)
    log = tmp_path / "log"
    process = started(environ, log)
    port = int(environ["BROKER_PORT"])
    await until_it_listens(port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = b'{"to": "+12025550101", "text": "a word that must not be logged"}'
    writer.write(
        b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer an-api-key-of-acme\r\n"
        b"Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    process.send_signal(signal.SIGTERM)
    await until_it_refuses(port)
    writer.write(body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 202 ")
    writer.close()
    assert await asyncio.to_thread(process.wait, 30) == 0
    with redis.Redis.from_url(settings.redis_url) as client:
        assert client.zcard("fresh:submit") == 1
    text = log.read_text()
    assert "ingress_ended" in text
    assert "must not be logged" not in text
    assert "Traceback" not in text


def test_a_redis_that_forgets_is_refused_at_the_start(
    environ: dict[str, str], own_redis: Any, settings: Settings, tmp_path: Path
) -> None:
    prepare(settings, DOCUMENT)
    server = own_redis("--maxmemory-policy", "allkeys-lru")
    process = started({**environ, "BROKER_REDIS_URL": server.url}, tmp_path / "log")
    assert process.wait(60) == 2
    assert "noeviction" in (tmp_path / "log").read_text()


def test_an_unknown_setting_is_refused_at_the_start(environ: dict[str, str], tmp_path: Path) -> None:
    process = started({**environ, "BROKER_COLOUR": "red"}, tmp_path / "log")
    assert process.wait(60) == 2
    assert "BROKER_COLOUR" in (tmp_path / "log").read_text()
