"""What the simulator's phones got and wrote."""

from typing import Any

import orjson
import pytest

from broker.simulator.phones import LATEST

from .conftest import MESSAGE, Caller

pytestmark = pytest.mark.asyncio
PHONE, OURS = MESSAGE["to"][0], MESSAGE["from"]


async def said(caller: Caller, query: str = "") -> list[dict[str, Any]]:
    """Return what was said."""
    return list(orjson.loads((await caller.ask("GET", f"/sim/phones{query}")).body)["said"])


async def seen(caller: Caller) -> str:
    """Return the name for how much was said."""
    return str(orjson.loads((await caller.ask("GET", "/sim/phones/seen")).body)["seen"])


async def write(caller: Caller, **inbound: Any) -> None:
    """Have a phone write to us."""
    answer = await caller.ask("POST", "/sim/inbound", orjson.dumps({"from": PHONE, "to": OURS, **inbound}))
    assert answer.status == 202


async def test_what_was_said_is_told_by_time_with_all_phones_or_with_one(caller: Caller) -> None:
    names = [await seen(caller)]
    await caller.create({**MESSAGE, "to": [PHONE, "+12025550102"], "text": "one"})
    names.append(await seen(caller))
    await write(caller, text="two")
    names.append(await seen(caller))
    await caller.create({**MESSAGE, "text": "three"})
    assert len({*names, await seen(caller)}) == 4

    told = await said(caller, f"?phone=%2B{PHONE[1:]}")

    assert [(one["way"], one["phone"], one["other"], one["text"]) for one in told] == [
        ("got", PHONE, OURS, "one"),
        ("wrote", PHONE, OURS, "two"),
        ("got", PHONE, OURS, "three"),
    ]
    assert [one["phone"] for one in await said(caller)].count("+12025550102") == 1
    assert (await caller.ask("DELETE", "/sim/state")).status == 204
    assert await said(caller) == []


async def test_parts_are_told_with_what_is_known_of_them(caller: Caller) -> None:
    await write(
        caller,
        media=[
            {"name": "a.png", "content_type": "image/png", "size": 5},
            {"name": "b.txt", "content_type": "text/plain; charset=utf-8", "text": "words"},
            {"url": "https://elsewhere.example/c.jpg"},
        ],
    )
    (told,) = await said(caller)

    assert told["media"] == [
        {"name": "a.png", "content_type": "image/png", "size": 5, "text": None},
        {"name": "b.txt", "content_type": "text/plain", "size": 5, "text": "words"},
        {"name": "c.jpg", "content_type": "", "size": None, "text": None},
    ]
    file = await caller.ask("GET", f"/sim/media?way=wrote&entry={told['number']}&index=1")
    assert (file.status, file.body) == (200, b"words")
    for wrong in ("way=wrote&entry=9", "way=got&entry=1", f"way=wrote&entry={told['number']}&index=2"):
        assert (await caller.ask("GET", f"/sim/media?{wrong}")).status == 404, wrong
    assert (await caller.ask("GET", "/sim/media?entry=x")).status == 400


async def test_of_a_flood_the_last_are_remembered(caller: Caller) -> None:
    await write(caller, text="first")
    await write(caller, text="flood", count=LATEST)

    told = await said(caller)

    assert (len(told), {one["text"] for one in told}) == (LATEST, {"flood"})


async def test_a_body_that_was_refused_for_its_form_troubles_nobody(caller: Caller) -> None:
    await caller.create(b'{"to": [1, "+12025550101"], "from": 5, "media": [7], "text": null}')

    (told,) = await said(caller)

    assert (told["phone"], told["other"], told["outcome"]) == (PHONE, "", "refused 400")
    assert told["media"] == [{"name": "7", "content_type": "", "size": None, "text": None}]
