"""What the command line asks the API for, and how it shows the answer."""

from typing import Any

from broker.cli import printing
from broker.cli.messages import Outgoing, request

MESSAGE: dict[str, Any] = {
    "id": "01a2001c-12a5-7f4a-8b58-e35656f9fabb",
    "direction": "out",
    "status": "delivered",
    "from": "+12025550150",
    "to": "+12025550101",
    "text": "Hello",
    "subject": "",
    "reference": None,
    "connection": "simulator",
    "provider_ref": "ref",
    "possible_duplicate": True,
    "created_at": "2026-11-21T21:59:00.123Z",
    "parts": [
        {"index": 1, "content_type": "image/jpeg", "size": 3, "state": "stored", "path": "/data/1-a.jpg"}
    ],
    "tags": [{"name": "attachment", "value": "/data/1-a.jpg"}],
    "attempts": [{"number": 1, "started_at": "2026-11-21T21:59:00.200Z", "outcome": "sent", "error": None}],
    "events": [
        {"seq": 1, "at": "2026-11-21T21:59:01.000Z", "type": "deliver", "status": "delivered", "detail": None}
    ],
}


def test_one_recipient_is_a_string_and_several_are_a_list() -> None:
    assert request(Outgoing(to=["+12025550101"], text="Hi"))[0] == {"to": "+12025550101", "text": "Hi"}
    several = request(Outgoing(to=["+12025550101", "+12025550102"], text="Hi"))[0]
    assert several["to"] == ["+12025550101", "+12025550102"]


def test_a_group_is_a_list_even_of_one() -> None:
    assert request(Outgoing(to=["+12025550101"], text="Hi", group=True))[0]["to"] == ["+12025550101"]


def test_media_are_links_uploads_or_files() -> None:
    message, files = request(
        Outgoing(to=["+12025550101"], media=["https://example.com/a.jpg", "id:abc", "b.png"])
    )
    assert message["media"] == [{"url": "https://example.com/a.jpg"}, {"id": "abc"}]
    assert [file.name for file in files] == ["b.png"]


def test_a_line_hides_the_middle_of_numbers_unless_told_otherwise() -> None:
    masked = printing.summary(MESSAGE, mask=True)
    assert "+1202***0150 → +1202***0101" in masked
    assert "MMS" in masked
    assert "+12025550101" in printing.summary(MESSAGE, mask=False)


def test_the_whole_story_names_the_stored_file_and_a_possible_duplicate() -> None:
    story = printing.story(MESSAGE)
    assert "/data/1-a.jpg" in story
    assert "may have been sent twice" in story
    assert "attempt 1" in story
    assert "deliver" in story


def test_every_end_is_good_or_bad() -> None:
    from broker.domain.status import ENDS

    assert set(ENDS) <= printing.FINAL
