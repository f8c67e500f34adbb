"""What Bandwidth's webhooks tell."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from broker.domain.event import Inbound, News, Report, Unread
from broker.domain.status import Event
from broker.errors import Unreadable
from broker.providers.bandwidth.codes import CODES, Advice, Code, event_of, look_up
from broker.providers.bandwidth.tag import Echo, read_tag
from tests.unit.providers.building import MESSAGE_ID, NOW, bandwidth

PAYLOADS = Path(__file__).parents[2] / "payloads" / "bandwidth"
REFERENCE = "1795262400123a7b8c9d0e1f2g3h4"
BATCH_ID = "0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5c"


def read(name: str, **changes: Any) -> list[News]:
    """Read a payload file."""
    return bandwidth(**changes).read((PAYLOADS / f"{name}.json").read_bytes())


def report(name: str, **changes: Any) -> Report:
    """Read a payload file that holds one report."""
    (news,) = read(name, **changes)
    assert isinstance(news, Report)
    return news


def inbound(name: str) -> Inbound:
    """Read a payload file that holds one message."""
    (news,) = read(name)
    assert isinstance(news, Inbound)
    return news


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("sending", Event.HAND_OFF),
        ("sent", Event.HAND_OFF),
        ("delivered", Event.DELIVER),
        ("delivered_mms", Event.DELIVER),
        ("delivered_uuid", Event.DELIVER),
        ("one_object", Event.DELIVER),
        ("read", Event.OPEN),
        ("failed", Event.MISS),
        ("failed_code_as_text", Event.MISS),
        ("failed_unknown_code", Event.MISS),
        ("failed_without_code", Event.MISS),
        ("group_failure", Event.MISS),
        ("failed_expired", Event.EXPIRE),
        ("failed_expired_at_carrier", Event.EXPIRE),
        ("failed_no_receipt", Event.UNCONFIRM),
        ("failed_unclear", Event.UNCONFIRM),
        ("failed_not_acknowledged", Event.UNCONFIRM),
    ],
)
def test_each_kind_of_report_has_its_event(name: str, event: Event) -> None:
    assert report(name).event is event


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("delivered", Event.DELIVER),
        ("delivered_mms", Event.HAND_OFF),
        ("delivered_mms_by_channel", Event.HAND_OFF),
        ("delivered_mms_by_tag", Event.HAND_OFF),
        ("delivered_foreign_tag", Event.HAND_OFF),
        ("delivered_without_tag", Event.HAND_OFF),
        ("sending", Event.HAND_OFF),
        ("failed", Event.MISS),
    ],
)
def test_without_mms_receipts_only_a_certain_sms_is_delivered(name: str, event: Event) -> None:
    assert report(name, mms_receipts=False).event is event


def test_without_mms_receipts_a_group_is_handed_off() -> None:
    assert [
        news.event for news in read("group_of_events", mms_receipts=False) if isinstance(news, Report)
    ] == [
        Event.HAND_OFF,
        Event.HAND_OFF,
    ]


def test_a_report_carries_all_that_matching_needs() -> None:
    assert report("failed") == Report(
        event=Event.MISS,
        at=datetime(2026, 11, 21, 12, 0, 2, 300_000, tzinfo=UTC),
        key=f"message-failed:{REFERENCE}:12025550101:4702:{MESSAGE_ID}.1",
        message_id=MESSAGE_ID,
        attempt=1,
        provider_ref=REFERENCE,
        recipient="+12025550101",
        code="4702",
        detail="destination-subscriber-unavailable; try later; billed",
    )


def test_a_code_written_as_text_is_the_same_news() -> None:
    assert report("failed_code_as_text").key == report("failed").key


def test_a_number_without_its_plus_is_the_same_news() -> None:
    assert report("delivered_bare_to").recipient == "+12025550101"
    assert report("delivered_bare_to").key == report("delivered").key


def test_the_owner_of_a_report_is_not_trusted() -> None:
    assert report("delivered_owner_is_recipient").recipient == "+12025550101"
    assert report("delivered_owner_is_recipient").key == report("delivered").key


def test_both_forms_of_carrier_ids_are_read() -> None:
    assert report("delivered").provider_ref == REFERENCE
    assert report("delivered_uuid").provider_ref == "3f0e5b0a-6f1c-4a58-b1f5-0d9b4f6f6a01"


def test_times_are_read_with_and_without_milliseconds() -> None:
    assert report("delivered").at == datetime(2026, 11, 21, 12, 0, 2, 300_000, tzinfo=UTC)
    assert report("delivered_without_milliseconds").at == datetime(2026, 11, 21, 12, 0, 2, tzinfo=UTC)


def test_a_reading_has_the_time_of_the_reading() -> None:
    assert report("read").at == datetime(2026, 11, 21, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize("name", ["delivered_foreign_tag", "delivered_without_tag"])
def test_a_foreign_tag_leaves_only_the_carriers_reference(name: str) -> None:
    assert (report(name).message_id, report(name).attempt) == (None, None)
    assert report(name).provider_ref == REFERENCE


def test_an_unknown_code_is_described_without_whole_numbers() -> None:
    assert (
        report("failed_unknown_code").detail
        == "new reason about +1202***0101 (not a code we know; permanent)"
    )
    assert report("failed_without_code").detail == "a reason"


def test_a_groups_news_is_told_apart_by_recipient() -> None:
    first, second = read("group_of_events")
    assert isinstance(first, Report)
    assert isinstance(second, Report)
    assert (first.message_id, second.message_id) == (BATCH_ID, BATCH_ID)
    assert (first.recipient, second.recipient) == ("+12025550101", "+12025550102")
    assert first.key != second.key
    assert report("group_failure").recipient == "+12025550103"


def test_an_inbound_sms_is_read() -> None:
    assert inbound("inbound_sms") == Inbound(
        provider_ref="1795258922789c3d4e5fghjkm6np7",
        originator="+12025550101",
        recipient="+12025550150",
        at=datetime(2026, 11, 21, 11, 2, 3, 40_000, tzinfo=UTC),
        key="message-received:1795258922789c3d4e5fghjkm6np7:12025550150",
        text="Is the kitchen open?",
    )


def test_the_links_of_an_inbound_mms_are_kept_as_they_are() -> None:
    names = [url.rpartition("/")[2] for url in inbound("inbound_mms").media]
    assert names == ["0.smil", "IMG_0042.jpg", "note.txt"]
    assert inbound("inbound_mms_without_text").text == ""


def test_two_own_numbers_in_a_group_are_two_messages() -> None:
    first, second = read("inbound_group")
    assert isinstance(first, Inbound)
    assert isinstance(second, Inbound)
    assert (first.recipient, second.recipient) == ("+12025550150", "+12025550160")
    assert first.others == ("+12025550160", "+12025550102")
    assert second.others == ("+12025550150", "+12025550102")
    assert first.key != second.key


def test_inbound_numbers_without_a_plus_are_the_same_news() -> None:
    assert inbound("inbound_bare_numbers") == inbound("inbound_sms")


def test_a_short_code_stays_one() -> None:
    assert inbound("inbound_short_code").originator == "12345"


def test_the_segments_of_a_long_text_are_kept() -> None:
    assert inbound("inbound_segments").segments == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [("half_an_emoji", "fine \ufffd"), ("bad_utf8", "fine \ufffd\ufffd"), ("nul_in_text", "onetwo")],
)
def test_a_broken_character_does_not_cost_the_message(name: str, text: str) -> None:
    assert inbound(name).text == text


@pytest.mark.parametrize("name", ["unknown_type", "suggestion_response"])
def test_an_unknown_type_is_no_event_and_no_guess(name: str) -> None:
    (news,) = read(name)
    assert isinstance(news, Unread)


def test_no_events_are_no_news() -> None:
    assert read("empty_array") == []


def test_one_bad_element_does_not_cost_its_neighbours() -> None:
    first, second = read("missing_message_id")
    assert first == Unread(kind="message-delivered without message id")
    assert isinstance(second, Report)

    *rubbish, odd, good = read("mixed_rubbish")
    assert all(isinstance(news, Unread) for news in rubbish)
    assert odd == Report(
        event=Event.DELIVER,
        at=NOW,
        key=f"message-delivered:{REFERENCE}:12025550101:",
        provider_ref=REFERENCE,
        recipient="+12025550101",
    )
    assert good == report("delivered")


@pytest.mark.parametrize(
    "body", [b"", b"null", b"5", b'"text"', b"[", b"[" * 100_000, b"\xff\xfe[\0]\0", b"NaN"]
)
def test_what_is_no_json_array_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        bandwidth().read(body)


@pytest.mark.parametrize(
    "at", ["", "yesterday", "0001-01-01T00:00:00+14:00", "2026-13-01T00:00:00Z", 5, None]
)
def test_an_unreadable_time_is_now(at: object) -> None:
    event = {
        "type": "message-delivered",
        "time": at,
        "to": "+12025550101",
        "message": {"id": "x", "time": at},
    }
    (news,) = bandwidth().read(orjson.dumps([event]))
    assert isinstance(news, Report)
    assert news.at == NOW


@pytest.mark.parametrize(
    ("tag", "echo"),
    [
        (f"{MESSAGE_ID}.1", Echo(message_id=MESSAGE_ID, attempt=1)),
        (f"{MESSAGE_ID}.12.m", Echo(message_id=MESSAGE_ID, attempt=12, is_mms=True)),
        (MESSAGE_ID, Echo(message_id=MESSAGE_ID)),
        (f"{MESSAGE_ID}.x", Echo()),
        (f"{MESSAGE_ID}.1\n", Echo()),
        (f"x{MESSAGE_ID}.1", Echo()),
        (f"{MESSAGE_ID}.\uff11", Echo()),
        ("brk:1", Echo()),
        ("", Echo()),
        (None, Echo()),
        (5, Echo()),
    ],
)
def test_only_our_own_tag_is_trusted(tag: object, echo: Echo) -> None:
    assert read_tag(tag) == echo


def test_the_codes_say_what_they_advise_and_what_they_cost() -> None:
    assert len(CODES) == 82
    assert CODES[4775] == Code("destination-rejected-due-to-user-opt-out", Advice.OPTED_OUT, True)
    assert CODES[4360] == Code("message-not-sent-expiration-date-passed", Advice.PERMANENT, False)
    assert CODES[4476] == Code("blocked-unregistered", Advice.CONFIGURATION, None)
    assert CODES[4780].advice is Advice.LATER
    assert CODES[5600].advice is Advice.ONCE
    assert CODES[5500].name == CODES[5501].name == "message-send-failed"


@pytest.mark.parametrize(
    ("code", "advice", "event"),
    [
        (4999, Advice.PERMANENT, Event.MISS),
        (5999, Advice.LATER, Event.MISS),
        (5998, Advice.ONCE, Event.MISS),
        (9000, Advice.UNKNOWN, Event.UNCONFIRM),
        (7, Advice.PERMANENT, Event.MISS),
    ],
)
def test_an_unknown_code_goes_by_its_first_digit(code: int, advice: Advice, event: Event) -> None:
    assert look_up(code).advice is advice
    assert event_of(code) is event
