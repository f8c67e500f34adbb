"""Files that are brought home, or not."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from broker.domain.wire import Request
from broker.errors import (
    BrokerError,
    MediaForbidden,
    MediaGone,
    MediaTooLarge,
    MediaUnavailable,
    MediaWrongType,
    NotAuthorised,
)
from broker.net.download import Downloaded, download
from broker.net.guard import Guard
from broker.net.plain import AiohttpClient
from tests.integration.net.certificates import Certified
from tests.integration.net.raw_server import Line, Script, ok, serving


@pytest.fixture
async def client() -> AsyncIterator[AiohttpClient]:
    """A client without a guard."""
    made = AiohttpClient()
    yield made
    await made.close()


def saying(*pieces: bytes) -> Script:
    async def script(line: Line) -> None:
        await line.hear()
        await line.say(*pieces)

    return script


async def fetched(
    client: AiohttpClient,
    script: Script,
    *,
    limit: int = 1000,
    timeout_s: float = 10,
    path: str = "/media/cat.jpg",
) -> tuple[Downloaded, bytes]:
    got = bytearray()
    async with serving(script) as server:
        request = Request(method="GET", url=server.url + path, headers={"Authorization": "Bearer t"})
        found = await download(client, request, got.extend, limit=limit, timeout_s=timeout_s)
    assert server.heard[0].headers["accept-encoding"] == "identity"
    return found, bytes(got)


async def test_a_file_arrives_with_what_the_host_says_of_it(client: AiohttpClient) -> None:
    answer = ok(
        b"picture", "Content-Type: Image/JPEG; q=1", 'Content-Disposition: attachment; filename="a b.jpg"'
    )
    assert await fetched(client, saying(answer)) == (
        Downloaded(content_type="image/jpeg", size=7, filename="a b.jpg"),
        b"picture",
    )


@pytest.mark.parametrize(
    ("extra", "path", "name"),
    [
        ("X: 1", "/media/0/cat%20one.jpg?sig=a/b", "cat one.jpg"),
        ("X: 1", "/", ""),
        ("Content-Disposition: attachment", "/cat.jpg", "cat.jpg"),
        ("Content-Disposition: inline; filename*=UTF-8''%C3%A9.png", "/cat.jpg", "é.png"),
        ("Content-Disposition: ;;;=garbage", "/cat.jpg", "cat.jpg"),
        ("Content-Disposition: attachment; filename*=no-such''%41", "/cat.jpg", "A"),
    ],
)
async def test_the_name_comes_from_the_host_or_the_path(
    client: AiohttpClient, extra: str, path: str, name: str
) -> None:
    found, _ = await fetched(client, saying(ok(b"x", extra)), path=path)
    assert found.filename == name


async def test_a_file_of_exactly_the_limit_arrives(client: AiohttpClient) -> None:
    found, got = await fetched(client, saying(ok(b"x" * 1000)))
    assert (found.size, len(got)) == (1000, 1000)


async def test_a_file_in_chunks_arrives(client: AiohttpClient) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    assert (await fetched(client, saying(chunked)))[1] == b"abcde"


async def test_an_empty_file_is_one(client: AiohttpClient) -> None:
    assert (await fetched(client, saying(ok(b""))))[0].size == 0


async def test_an_announced_excess_is_refused_before_a_byte_of_it(client: AiohttpClient) -> None:
    got = bytearray()
    async with serving(saying(ok(b"x" * 1001))) as server:
        with pytest.raises(MediaTooLarge):
            await download(
                client, Request(method="GET", url=server.url), got.extend, limit=1000, timeout_s=10
            )
    assert got == b""


async def test_an_endless_file_is_cut_at_the_limit(client: AiohttpClient) -> None:
    got = bytearray()

    async def script(line: Line) -> None:
        await line.hear()
        await line.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while not line.writer.is_closing():
            await line.say(b"x" * 4096)

    async with serving(script) as server:
        with pytest.raises(MediaTooLarge):
            await download(
                client, Request(method="GET", url=server.url), got.extend, limit=10_000, timeout_s=10
            )
    assert len(got) <= 10_000


async def test_a_dripping_file_is_cut_in_time(client: AiohttpClient) -> None:
    async def script(line: Line) -> None:
        await line.hear()
        await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
        while not line.writer.is_closing():
            await line.say(b"x")
            await asyncio.sleep(0.01)

    with pytest.raises(MediaUnavailable):
        await fetched(client, script, timeout_s=0.5)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("401 Unauthorized", NotAuthorised),
        ("403 Forbidden", NotAuthorised),
        ("404 Not Found", MediaGone),
        ("410 Gone", MediaGone),
        ("301 Moved", MediaForbidden),
        ("302 Found", MediaForbidden),
        ("307 Temporary Redirect", MediaForbidden),
        ("204 No Content", MediaUnavailable),
        ("206 Partial Content", MediaUnavailable),
        ("408 Request Timeout", MediaUnavailable),
        ("429 Too Many Requests", MediaUnavailable),
        ("500 Oops", MediaUnavailable),
        ("503 Busy", MediaUnavailable),
    ],
)
async def test_a_status_has_its_meaning(client: AiohttpClient, status: str, error: type[BrokerError]) -> None:
    with pytest.raises(error):
        await fetched(client, saying(ok(b"", "Location: http://127.0.0.1:1/", status=status)))


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "x-unknown", "gzip, gzip"])
async def test_a_packed_file_is_refused(client: AiohttpClient, encoding: str) -> None:
    with pytest.raises(MediaWrongType):
        await fetched(client, saying(ok(gzip.compress(b"0" * 500), f"Content-Encoding: {encoding}")))


@pytest.mark.parametrize(
    "half",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"not http\r\n\r\n",
    ],
)
async def test_half_a_file_is_none(client: AiohttpClient, half: bytes) -> None:
    with pytest.raises(MediaUnavailable):
        await fetched(client, saying(half))


async def test_a_host_that_does_not_listen_is_unavailable(client: AiohttpClient, free_port: int) -> None:
    request = Request(method="GET", url=f"http://127.0.0.1:{free_port}/")
    with pytest.raises(MediaUnavailable):
        await download(client, request, bytearray().extend, limit=10, timeout_s=10)


@pytest.mark.parametrize("guarded", [True, False])
async def test_a_url_that_is_none_is_forbidden(guarded: bool) -> None:
    client = AiohttpClient(guard=Guard() if guarded else None)
    with pytest.raises(MediaForbidden):
        await download(
            client,
            Request(method="GET", url="file:///etc/passwd"),
            bytearray().extend,
            limit=10,
            timeout_s=10,
        )
    await client.close()


async def test_a_full_disk_is_not_taken_for_a_fault_of_the_host(client: AiohttpClient) -> None:
    def full(chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    async with serving(saying(ok(b"picture"))) as server:
        with pytest.raises(OSError, match="No space"):
            await download(client, Request(method="GET", url=server.url), full, limit=1000, timeout_s=10)


async def test_a_download_that_was_cut_leaves_the_client_usable(client: AiohttpClient) -> None:
    async def script(line: Line) -> None:
        while True:
            await line.hear()
            await line.say(ok(b"x" * 2000))

    async with serving(script) as server:
        request = Request(method="GET", url=server.url)
        for _ in range(3):
            with pytest.raises(MediaTooLarge):
                await download(client, request, bytearray().extend, limit=1000, timeout_s=10)
        got = bytearray()
        await download(client, request, got.extend, limit=2000, timeout_s=10)
    assert len(got) == 2000


def moving(to: str) -> Script:
    async def script(line: Line) -> None:
        await line.hear()
        await line.say(ok(b"", f"Location: {to}", status="302 Found"))

    return script


async def test_a_redirect_is_followed_only_where_that_is_wanted(client: AiohttpClient) -> None:
    with pytest.raises(MediaForbidden, match="elsewhere"):
        await fetched(client, moving("/other"))


async def test_a_redirect_leads_to_the_file_without_the_headers_of_the_first_request(
    client: AiohttpClient,
) -> None:
    got = bytearray()
    async with serving(saying(ok(b"picture"))) as last, serving(moving(f"{last.url}/b.jpg")) as first:
        request = Request(method="GET", url=f"{first.url}/a.jpg", headers={"Authorization": "Bearer t"})
        found = await download(client, request, got.extend, limit=1000, timeout_s=10, redirects=1)
    assert (found.filename, bytes(got)) == ("b.jpg", b"picture")
    assert "authorization" in first.heard[0].headers
    assert "authorization" not in last.heard[0].headers


async def test_a_redirect_from_https_to_http_is_refused(certified: Certified) -> None:
    client = AiohttpClient(tls=certified.client)
    try:
        async with serving(saying(ok(b"x"))) as plain:
            async with serving(moving(f"{plain.url}/a.jpg"), tls=certified.server) as secure:
                url = f"{secure.url}/a.jpg"
                with pytest.raises(MediaForbidden, match="from https to http"):
                    await download(
                        client,
                        Request(method="GET", url=url),
                        bytearray().extend,
                        limit=10,
                        timeout_s=10,
                        redirects=3,
                    )
            assert plain.heard == []
    finally:
        await client.close()
