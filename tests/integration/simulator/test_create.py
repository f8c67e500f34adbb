"""The create call of the simulator."""

import base64
from pathlib import Path
from typing import Any

import orjson
import pytest

from broker.errors import OutcomeUnknown

from .conftest import MESSAGE, Caller, Start

pytestmark = pytest.mark.asyncio


async def test_a_good_request_is_accepted_with_all_fields(caller: Caller) -> None:
    answer = await caller.create({**MESSAGE, "priority": "high", "expiration": "2126-01-01T00:00:00Z"})

    body = orjson.loads(answer.body)
    assert answer.status == 202
    assert body["id"][:13].isdigit()
    assert len(body["id"]) == 29
    assert body["owner"] == body["from"] == "+12025550150"
    assert (body["direction"], body["segmentCount"], body["priority"]) == ("out", 1, "high")
    assert body["tag"] == MESSAGE["tag"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"applicationId": ""}, "applicationId"),
        ({"to": []}, "to"),
        ({"to": "+12025550101"}, "to"),
        ({"to": ["12025550101"]}, "to"),
        ({"to": ["+1202555010\uff11"]}, "to"),
        ({"to": ["+12025550101\n"]}, "to"),
        ({"to": ["+12025550101", "+12025550101"]}, "to"),
        ({"to": [f"+120255501{n:02d}" for n in range(11)]}, "to"),
        ({"from": "a name that is too long"}, "from"),
        ({"text": ""}, "text"),
        ({"text": "x" * 2049}, "text"),
        ({"text": None, "media": ["http://h/a.jpg"]}, "text"),
        ({"media": ["ftp://h/a.jpg"]}, "media"),
        ({"media": ["http://h/" + "a" * 4096]}, "media"),
        ({"tag": "t" * 1025}, "tag"),
        ({"priority": "urgent"}, "priority"),
        ({"expiration": "2020-01-01T00:00:00Z"}, "expiration"),
    ],
)
async def test_a_bad_field_is_named(caller: Caller, change: dict[str, Any], field: str) -> None:
    answer = await caller.create({**MESSAGE, **change})

    body = orjson.loads(answer.body)
    assert (answer.status, body["type"]) == (400, "request-validation")
    assert [error["fieldName"] for error in body["fieldErrors"]] == [field]


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
async def test_a_body_that_is_no_object_is_refused(caller: Caller, body: bytes) -> None:
    assert (await caller.create(body)).status == 400


async def test_credentials_and_content_type_are_asked_for(caller: Caller) -> None:
    assert (await caller.create(authorization="Bearer nonsense")).status == 401
    assert (await caller.create(content_type="text/plain")).status == 415


async def test_basic_credentials_open_the_account_where_it_has_them(start: Start) -> None:
    caller = await start(user="user", password="word")

    basic = "Basic " + base64.b64encode(b"user:word").decode()
    assert (await caller.create(authorization=basic)).status == 202


async def test_other_accounts_and_unknown_paths_are_refused(caller: Caller) -> None:
    assert (await caller.signed("POST", "/api/v2/users/9900001/messages")).status == 401
    answer = await caller.signed("GET", "/api/v3/none")
    assert (answer.status, orjson.loads(answer.body)["error"]) == (404, "Not Found")


async def test_statuses_can_be_ordered_for_the_next_requests(caller: Caller) -> None:
    await caller.dial(next_statuses=[429, 500], retry_after_s=2)

    answers = [await caller.create() for _ in range(3)]

    assert [answer.status for answer in answers] == [429, 500, 202]
    assert [answer.headers.get("retry-after") for answer in answers] == ["2", None, None]


async def test_a_gateway_answers_in_html(caller: Caller) -> None:
    await caller.dial(errors={"502": 1}, html_errors=True)

    answer = await caller.create()

    assert (answer.status, answer.headers["content-type"]) == (502, "text/html")


async def test_a_share_of_requests_fails_the_same_way_with_the_same_seed(caller: Caller) -> None:
    async def statuses() -> list[int]:
        await caller.dial(errors={"500": 0.5}, seed=7)
        return [(await caller.create()).status for _ in range(20)]

    first = await statuses()
    assert set(first) == {202, 500}
    assert await statuses() == first


async def test_requests_above_the_rate_are_throttled(caller: Caller) -> None:
    await caller.dial(throttle_rate=1)

    answers = [await caller.create() for _ in range(3)]

    assert answers[0].status == 202
    assert orjson.loads(answers[2].body)["type"] == "max-message-queue-size-exceeded"


async def test_what_is_taken_without_an_answer_is_in_the_journal(caller: Caller) -> None:
    await caller.dial(accept_then_drop=1)
    with pytest.raises(OutcomeUnknown):
        await caller.create()
    await caller.dial(drop_before_accept=1)
    with pytest.raises(OutcomeUnknown):
        await caller.create()

    taken, lost = await caller.journal()
    assert (taken["outcome"], taken["id"] is None) == ("accepted, answer dropped", False)
    assert (lost["outcome"], lost["id"]) == ("dropped", None)


async def test_the_journal_shows_each_request_as_it_came_and_pages(caller: Caller) -> None:
    for number in range(3):
        await caller.create({**MESSAGE, "text": f"number {number}"})
    await caller.create({"text": 5, "to": "nobody"})

    assert [entry["text"] for entry in await caller.journal("?after=1&limit=2")] == ["number 1", "number 2"]
    refused = (await caller.journal("?after=3"))[0]
    assert (refused["number"], refused["status"], refused["text"], refused["to"]) == (4, 400, "", [])


async def test_ids_created_more_than_once_are_counted_across_attempts(caller: Caller) -> None:
    for tag in ("a.1", "a.2", "b.1", "c.1", "c.2", "c.3"):
        await caller.create({**MESSAGE, "tag": tag})

    stats = await caller.stats()
    assert (stats["distinct"], stats["duplicates"], stats["duplicate_creates"]) == (3, 2, 3)
    await caller.ask("DELETE", "/sim/state")
    assert (await caller.stats())["creates"] == 0


async def test_a_journal_file_is_taken_up_after_a_crash(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = await start(journal=path)
    await first.create()
    await first.create({**MESSAGE, "tag": "other.1"})
    path.write_bytes(path.read_bytes() + b'{"number":3,"half')

    second = await start(journal=path)
    await second.create()

    assert [entry["number"] for entry in await second.journal()] == [1, 2, 3]
    assert (await second.stats())["duplicates"] == 1
    assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize("dials", [{"latency": 5}, {"errors": {"500": 2}}, {"broken_media": "melted"}])
async def test_dials_that_do_not_exist_are_refused(caller: Caller, dials: dict[str, Any]) -> None:
    assert (await caller.dial(**dials)).status == 400
