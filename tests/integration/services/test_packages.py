"""Zips of drafts: fetched within limits or brought along, and turned into what is sent."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest

from broker.dialects.mxtelecom.package import Piece, pack
from broker.domain.draft import Draft, MediaRef
from broker.domain.message import PartKind
from broker.errors import Busy, InvalidField
from broker.net.guard import Guard
from broker.net.plain import AiohttpClient
from broker.services.packages import Packages, inlined
from broker.settings import Settings
from tests.integration.net.raw_server import Line, Server, ok, serving

JPEG = Piece(name="a.jpg", content_type="image/jpeg", data=b"\xff\xd8\xff\xe0" + b"cat" * 50)
PNG = Piece(name="b.png", content_type="image/png", data=b"\x89PNG\r\n\x1a\n" + b"dog" * 50)
TEXT = Piece(name="t.txt", content_type="text/plain", data=b"Hello\r\n", kind=PartKind.TEXT)
LAYOUT = Piece(name="s.smil", content_type="application/smil", data=b"<smil/>", kind=PartKind.LAYOUT)
ZIP = pack((PNG, TEXT, JPEG))

Answer = Callable[[str], bytes]
Opened = Callable[..., Any]


@asynccontextmanager
async def host(answer: Answer) -> AsyncIterator[Server]:
    """Serve what `answer` says of a path."""

    async def script(line: Line) -> None:
        while True:
            heard = await line.hear()
            await line.say(answer(heard.line.split(" ")[1]))

    async with serving(script) as server:
        yield server


@asynccontextmanager
async def packages(
    make_settings: Callable[..., Settings], *servers: Server, **changes: Any
) -> AsyncIterator[Packages]:
    """Packages that may be fetched from these servers and from nowhere else inside."""
    client = AiohttpClient(guard=Guard([server.url.removeprefix("http://") for server in servers]))
    with ThreadPoolExecutor(2) as executor:
        made = Packages(make_settings(**changes), client, executor)
        try:
            yield made
        finally:
            await made.close()


def draft(**content: Any) -> Draft:
    return Draft(recipients=("447700900123",), **content)


def moved(url: str, status: str = "302 Found") -> bytes:
    return ok(b"", f"Location: {url}", status=status)


async def test_a_zip_that_was_brought_along_becomes_text_and_media_in_order(
    make_settings: Callable[..., Settings],
) -> None:
    async with packages(make_settings) as opening:
        found = await opening.opened(draft(package=ZIP, subject="Hi"), "acme")
    assert found == draft(
        subject="Hi",
        text="Hello",
        media=tuple(
            MediaRef(data=piece.data, content_type=piece.content_type, name=piece.name, pointer="/mms.zip")
            for piece in (PNG, JPEG)
        ),
    )


async def test_a_zip_is_fetched_from_its_url(make_settings: Callable[..., Settings]) -> None:
    async with host(lambda path: ok(ZIP)) as server, packages(make_settings, server) as opening:
        found = await opening.opened(draft(package_url=f"{server.url}/promo.zip?a=b"), "acme")
    assert [ref.name for ref in found.media] == ["b.png", "a.jpg"]
    assert [one.line for one in server.heard] == ["GET /promo.zip?a=b HTTP/1.1"]


async def test_what_was_brought_along_is_used_rather_than_the_url(
    make_settings: Callable[..., Settings],
) -> None:
    async with host(lambda path: ok(b"")) as server, packages(make_settings, server) as opening:
        await opening.opened(draft(package=ZIP, package_url=server.url), "acme")
    assert server.heard == []


@pytest.mark.parametrize(
    "status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
)
async def test_three_redirects_are_followed_and_a_fourth_is_not(
    make_settings: Callable[..., Settings], status: str
) -> None:
    def answer(path: str) -> bytes:
        left = int(path[1:])
        return moved(f"/{left - 1}", status) if left else ok(ZIP)

    async with host(answer) as server, packages(make_settings, server) as opening:
        assert (await opening.opened(draft(package_url=f"{server.url}/3"), "acme")).media
        await refused(opening, f"{server.url}/4")


async def refused(opening: Packages, url: str) -> str:
    with pytest.raises(InvalidField) as caught:
        await opening.opened(draft(package_url=url), "acme")
    return str(caught.value)


async def test_a_redirect_is_guarded_like_the_first_url(make_settings: Callable[..., Settings]) -> None:
    async with host(lambda path: ok(ZIP)) as inside, host(lambda path: moved(f"{inside.url}/z")) as outside:
        async with packages(make_settings, outside) as opening:
            await refused(opening, f"{outside.url}/z")
        assert inside.heard == []
        async with packages(make_settings, outside, inside) as opening:
            assert (await opening.opened(draft(package_url=f"{outside.url}/z"), "acme")).media


@pytest.mark.parametrize(
    "location", ["", "ftp://a.example/z", "file:///etc/passwd", "http://u:p@a.example/", "http://["]
)
async def test_a_redirect_to_nowhere_is_refused(
    make_settings: Callable[..., Settings], location: str
) -> None:
    async with host(lambda path: moved(location)) as server, packages(make_settings, server) as opening:
        await refused(opening, f"{server.url}/z")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/z",
        "http://169.254.169.254/latest",
        "http://[::1]/z",
        "http://[::ffff:10.0.0.1]/z",
        "http://2130706433/z",
        "http://localhost/z",
        "https://user:secret@cdn.example/z",
        "ftp://cdn.example/z",
        "gopher://cdn.example/",
        "/z",
        "",
        "http://cdn.example:25/z",
    ],
)
async def test_a_url_that_leads_inside_or_is_none_is_refused(
    make_settings: Callable[..., Settings], url: str
) -> None:
    async with packages(make_settings) as opening:
        assert "secret" not in await refused(opening, url)


@pytest.mark.parametrize(
    "status", ["401 Unauthorized", "404 Not Found", "410 Gone", "500 Oops", "204 Nothing", "206 Some"]
)
async def test_another_answer_than_200_is_refused(
    make_settings: Callable[..., Settings], status: str
) -> None:
    async with (
        host(lambda path: ok(ZIP, status=status)) as server,
        packages(make_settings, server) as opening,
    ):
        await refused(opening, server.url)


@pytest.mark.parametrize("content", [b"", b"<html>", ZIP[:-1], b"x" * 5000])
async def test_what_is_no_zip_or_too_large_a_one_is_refused(
    make_settings: Callable[..., Settings], content: bytes
) -> None:
    async with (
        host(lambda path: ok(content)) as server,
        packages(make_settings, server, package_limit=4000) as opening,
    ):
        await refused(opening, server.url)


async def test_a_host_that_is_too_slow_is_given_up_over_all_its_redirects(
    make_settings: Callable[..., Settings],
) -> None:
    async def script(line: Line) -> None:
        while True:
            await line.hear()
            await asyncio.sleep(0.3)
            await line.say(moved("/again"))

    async with serving(script) as server, packages(make_settings, server, package_fetch_s=0.7) as opening:
        await refused(opening, server.url)
    assert len(server.heard) <= 3, "the fourth would be refused for being one too many"


async def test_one_account_has_its_share_of_the_downloads_and_a_slow_host_delays_nobody_else(
    make_settings: Callable[..., Settings],
) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(line: Line) -> None:
        await line.hear()
        asked.set()
        await go.wait()
        await line.say(ok(ZIP))

    async with (
        serving(script) as slow,
        host(lambda path: ok(ZIP)) as quick,
        packages(make_settings, slow, quick, package_fetches=7) as opening,
    ):
        waiting = asyncio.create_task(opening.opened(draft(package_url=slow.url), "acme"))
        await asked.wait()
        with pytest.raises(Busy):
            await opening.opened(draft(package_url=quick.url), "acme")
        assert (await opening.opened(draft(package_url=quick.url), "globex")).media
        assert not waiting.done()
        go.set()
        assert (await waiting).media
        assert (await opening.opened(draft(package_url=quick.url), "acme")).media, "its turn is over"


async def test_all_accounts_together_have_a_limit(make_settings: Callable[..., Settings]) -> None:
    async with (
        serving(lambda line: line.until_gone()) as slow,
        packages(make_settings, slow, package_fetches=2) as opening,
    ):
        waiting = [
            asyncio.create_task(opening.opened(draft(package_url=slow.url), name)) for name in ("a", "b")
        ]
        while slow.connections < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(Busy):
            await opening.opened(draft(package_url=slow.url), "c")
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def texts(*lines: str) -> list[Piece]:
    return [
        Piece(name=f"{n}.txt", content_type="text/plain", data=line.encode(), kind=PartKind.TEXT)
        for n, line in enumerate(lines)
    ]


def test_texts_become_lines_of_the_message_beside_its_media() -> None:
    one, two, three = texts("One\n", "", "Th\nree")
    assert inlined([one, JPEG, two, three, PNG]) == ("One\nTh\nree", (JPEG, PNG))


def test_with_a_layout_every_part_stays_where_it_is() -> None:
    assert inlined([LAYOUT, JPEG, TEXT]) == ("", (LAYOUT, JPEG, TEXT))


def test_texts_alone_stay_parts() -> None:
    assert inlined([TEXT]) == ("", (TEXT,))


def test_a_text_that_does_not_fit_and_those_after_it_stay_parts() -> None:
    one, two, three = texts("a" * 2000, "b" * 48, "c")
    assert inlined([one, two, three, JPEG]) == ("a" * 2000, (two, three, JPEG))
    assert inlined([one, three, JPEG]) == ("a" * 2000 + "\nc", (JPEG,))


def test_a_text_that_cannot_be_kept_stays_a_part() -> None:
    (odd,) = texts("a\0b")
    assert inlined([odd, JPEG]) == ("", (odd, JPEG))


async def test_a_zip_without_a_manifest_is_taken_where_the_operator_is_lenient(
    make_settings: Callable[..., Settings],
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for piece in (PNG, JPEG):
            archive.writestr(piece.name, piece.data)
    brought = draft(package=packed.getvalue())
    async with packages(make_settings) as opening:
        with pytest.raises(InvalidField, match="no manifest") as caught:
            await opening.opened(brought, "acme")
        assert caught.value.pointer == "/mms.zip"
    async with packages(make_settings, package_strict=False) as opening:
        assert [ref.name for ref in (await opening.opened(brought, "acme")).media] == ["b.png", "a.jpg"]


@pytest.mark.parametrize(
    "limits",
    [{"package_limit": 100}, {"package_content_limit": 200}, {"package_files": 3}, {"media_part_limit": 100}],
)
async def test_the_operators_limits_hold(
    make_settings: Callable[..., Settings], limits: dict[str, int]
) -> None:
    async with packages(make_settings, **limits) as opening:
        with pytest.raises(InvalidField):
            await opening.opened(draft(package=ZIP), "acme")
