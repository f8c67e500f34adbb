"""Content at rest."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.message import Direction, Message, Part, PartKind, PartState, Priority, Tag
from broker.domain.status import Status
from broker.keyspace.content import Webhook, decode, decode_webhook, encode, encode_webhook

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
tags = st.builds(Tag, name=texts, value=texts)
parts = st.builds(
    Part,
    index=st.integers(1, 10),
    content_type=texts,
    name=texts,
    kind=st.sampled_from(PartKind),
    state=st.sampled_from(PartState),
    path=st.none() | texts,
    url=st.none() | texts,
)
messages = st.builds(
    Message,
    id=texts,
    account=texts,
    dialect=st.sampled_from(["native", "ozeki"]),
    direction=st.sampled_from(Direction),
    status=st.sampled_from(Status),
    originator=texts,
    recipient=texts,
    text=texts,
    subject=texts,
    priority=st.sampled_from(Priority),
    reference=st.none() | texts,
    number=st.none() | st.integers(1, 2**63 - 1),
    note=texts,
    subaccount=texts,
    reports=st.integers(0, 15),
    tags=st.lists(tags, max_size=3).map(tuple),
    parts=st.lists(parts, max_size=3).map(tuple),
    batch=st.none() | texts,
    group=st.booleans(),
    members=st.lists(texts, max_size=3).map(tuple),
    created_at=moments,
    valid_until=moments,
    send_at=st.none() | moments,
)


@given(messages)
def test_every_message_comes_back_as_it_was(message: Message) -> None:
    assert decode(encode(message)) == message


@given(messages)
def test_what_a_newer_version_wrote_beside_it_is_left_out(message: Message) -> None:
    content = orjson.loads(encode(message))
    content["colour"] = "blue"
    for part in content.get("parts", ()):
        part["depth"] = 7
    assert decode(orjson.dumps(content)) == message


def test_what_is_usual_is_left_out() -> None:
    plain = Message(
        id="1",
        account="acme",
        originator="+12025550150",
        recipient="+12025550101",
        text="Hello",
        created_at=NOON,
        valid_until=NOON + timedelta(days=1),
    )
    names = {"id", "account", "originator", "recipient", "text", "created_at", "valid_until"}
    assert orjson.loads(encode(plain)).keys() == names


@given(texts, st.binary(), moments)
def test_every_webhook_comes_back_as_it_was(connection: str, body: bytes, at: datetime) -> None:
    webhook = Webhook(connection=connection, body=body, at=at)
    assert decode_webhook(encode_webhook(webhook)) == webhook


def test_times_are_read_in_either_spelling_of_utc() -> None:
    plain = Message(
        id="1",
        account="acme",
        originator="a",
        recipient="b",
        created_at=NOON,
        valid_until=NOON + timedelta(days=1),
    )
    content = encode(plain)
    assert b'Z"' in content
    assert decode(content.replace(b'Z"', b'+00:00"')) == plain


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"[]", b'{"id": "1"}', b'{"id": 1, "account": "acme"}', b"\xff"]
)
def test_what_is_no_message_is_refused_without_its_words(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no message$"):
        decode(content)
