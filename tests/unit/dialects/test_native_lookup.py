"""What the native API shows of messages, and how it is asked."""

from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest

from broker.dialects.native.answers import MediaStored, MessagePage, MessageView
from broker.dialects.native.lookup import (
    decode_cursor,
    encode_cursor,
    found,
    listed,
    parse_list_query,
    render_message,
    render_page,
    stamp,
    uploaded,
)
from broker.domain.ids import new_id
from broker.domain.message import Direction, Message, Part, PartState, Tag
from broker.domain.record import Attempt, Happening, MessageQuery, Record
from broker.domain.search import TagWish
from broker.domain.status import Status
from broker.domain.value import replace
from broker.domain.wire import Call
from broker.errors import Malformed, RequestError

AT = datetime(2026, 1, 17, 13, 10, 26, 412_900, tzinfo=UTC)
PATH = "/data/MMSAttachments/m/1-cat.jpg"
INBOUND = Message(
    id=new_id(0),
    account="acme",
    direction=Direction.IN,
    status=Status.READY,
    originator="+12025550101",
    recipient="+12025550150",
    tags=(Tag(name="attachment", value=PATH),),
    parts=(Part(index=1, content_type="image/jpeg", size=9, sha256="ab", state=PartState.STORED, path=PATH),),
    created_at=AT,
    valid_until=AT,
)
RECORD = Record(
    message=INBOUND,
    updated_at=AT,
    attempts=(
        Attempt(
            number=1, connection="bandwidth-1", started_at=AT, ended_at=AT, outcome="sent", http_status=202
        ),
    ),
    events=(Happening(at=AT, type="fetch", status=Status.FETCHING), Happening(at=AT, type="ready")),
)


def ask(*query: tuple[str, str]) -> MessageQuery:
    return parse_list_query(Call(method="GET", path="/v1/messages", query=query))


def test_times_are_utc_with_milliseconds() -> None:
    assert stamp(AT.astimezone(timezone(timedelta(hours=2)))) == "2026-01-17T13:10:26.412Z"


def test_a_record_is_shown_as_promised() -> None:
    shown = render_message(RECORD)
    MessageView.model_validate(orjson.loads(orjson.dumps(shown)))
    (part,) = shown["parts"]
    assert part == {
        "id": f"{INBOUND.id}.1", "index": 1, "content_type": "image/jpeg", "size": 9, "sha256": "ab",
        "state": "stored", "path": PATH,
    }  # fmt: skip
    assert shown["tags"] == [{"name": "attachment", "value": PATH}]
    assert shown["attempts"][0]["started_at"] == "2026-01-17T13:10:26.412Z"
    assert [(event["seq"], event["status"]) for event in shown["events"]] == [(1, "fetching"), (2, None)]


def test_a_message_in_the_future_shows_when() -> None:
    shown = render_message(replace(RECORD, message=replace(INBOUND, send_at=AT)))
    assert shown["send_at"] == "2026-01-17T13:10:26.412Z"


def test_a_page_names_where_the_next_begins() -> None:
    page = render_page([INBOUND], INBOUND.id)
    MessagePage.model_validate(orjson.loads(orjson.dumps(page)))
    assert decode_cursor(page["next_cursor"]) == INBOUND.id
    assert render_page([], None) == {"data": [], "next_cursor": None}


def test_answers_are_kept_by_no_cache() -> None:
    for response in (found(RECORD), listed([INBOUND], None)):
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"


def test_an_upload_is_answered_with_its_id() -> None:
    response = uploaded("m-1", content_type="image/png", size=4, sha256="ab")
    assert response.status == 201
    assert MediaStored.model_validate_json(response.body).id == "m-1"


def test_a_bare_list_asks_for_the_newest() -> None:
    assert ask() == MessageQuery(limit=50)


def test_a_list_can_be_narrowed() -> None:
    query = ask(
        ("direction", "in"),
        ("status", "delivered"),
        ("to", "+12025550101"),
        ("from", " 12025550150"),
        ("reference", "order 7"),
        ("number", "3756302196834664447"),
        ("tag", "campaign=spring=2"),
        ("cursor", encode_cursor(INBOUND.id)),
        ("limit", "200"),
    )
    assert query == MessageQuery(
        direction=Direction.IN,
        status=Status.DELIVERED,
        to="+12025550101",
        from_="+12025550150",
        reference="order 7",
        number=3756302196834664447,
        tag=TagWish(name="campaign", value="spring=2"),
        cursor=INBOUND.id,
        limit=200,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "-1"),
        ("limit", "\u0665"),
        ("limit", "1e2"),
        ("limit", "9" * 5000),
        ("direction", "up"),
        ("status", "lost"),
        ("cursor", "x"),
        ("cursor", "eA"),
        ("cursor", "ü"),
        ("cursor", "=" * 300),
        ("to", "a\0"),
        ("from", "\ud800"),
        ("reference", "x" * 256),
        ("number", "9223372036854775808"),
        ("number", "-1"),
        ("number", "\u0665"),
        ("tag", "=spring"),
        ("tag", "\ud800"),
        ("colour", "red"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(Malformed) as refusal:
        ask((name, value))
    assert refusal.value.pointer == f"/{name}"


def test_a_parameter_twice_is_refused() -> None:
    with pytest.raises(Malformed):
        ask(("limit", "1"), ("limit", "2"))


def test_several_wrong_parameters_are_all_named() -> None:
    with pytest.raises(RequestError) as refusal:
        ask(("colour", "red"), ("size", "big"))
    assert [one.pointer for one in refusal.value.errors] == ["/colour", "/size"]  # type: ignore[attr-defined]
