"""The media store of the simulator."""

import orjson
import pytest

from broker.errors import OutcomeUnknown

from .conftest import Caller

pytestmark = pytest.mark.asyncio
PICTURE = b"\xff\xd8\xff" + bytes(1000)


async def test_a_file_comes_back_as_it_was_stored(caller: Caller) -> None:
    url = f"{caller.media}/a%20b/1.jpg"

    assert (await caller.signed("PUT", url, PICTURE, content_type="image/jpeg")).status == 204
    found = await caller.signed("GET", url)

    assert (found.status, found.body, found.headers["content-type"]) == (200, PICTURE, "image/jpeg")
    assert (await caller.signed("DELETE", url)).status == 204
    assert (await caller.signed("GET", url)).status == 404


async def test_nothing_is_open_to_the_public(caller: Caller) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert (await caller.ask(method, f"{caller.media}/x.jpg")).status == 401


async def test_types_that_the_store_does_not_take_are_refused(caller: Caller) -> None:
    answer = await caller.signed(
        "PUT", f"{caller.media}/x.exe", b"MZ", content_type="application/x-msdownload"
    )

    assert (answer.status, orjson.loads(answer.body)["type"]) == (415, "unsupported-content-type")


async def test_the_list_comes_in_pages_of_a_thousand(caller: Caller) -> None:
    for number in range(1001):
        await caller.signed("PUT", f"{caller.media}/{number:04d}.txt", b"x", content_type="text/plain")

    first = await caller.signed("GET", caller.media)
    rest = await caller.signed("GET", caller.media, continuation_token=first.headers["continuation-token"])

    assert len(orjson.loads(first.body)) == 1000
    assert [item["mediaName"] for item in orjson.loads(rest.body)] == ["1000.txt"]
    assert "continuation-token" not in rest.headers


async def test_uploads_can_fail(caller: Caller) -> None:
    await caller.dial(upload_errors={"500": 1})

    assert (
        await caller.signed("PUT", f"{caller.media}/x.txt", b"x", content_type="text/plain")
    ).status == 500


async def test_downloads_break_in_each_way_and_then_work(caller: Caller) -> None:
    url = f"{caller.media}/x.jpg"
    await caller.signed("PUT", url, PICTURE, content_type="image/jpeg")

    await caller.dial(broken_media="cut", broken_media_count=1)
    with pytest.raises(OutcomeUnknown):
        await caller.signed("GET", url)
    assert (await caller.signed("GET", url)).body == PICTURE
    for how, status in (("404", 404), ("401", 401)):
        await caller.dial(broken_media=how)
        assert (await caller.signed("GET", url)).status == status
    await caller.dial(broken_media="type")
    wrong = await caller.signed("GET", url)
    assert (wrong.body[:2], wrong.headers["content-type"]) == (b"MZ", "image/jpeg")
    await caller.dial(broken_media="slow")
    with pytest.raises(OutcomeUnknown):
        await caller.ask("GET", url, timeout_s=0.3, authorization=caller._token)
