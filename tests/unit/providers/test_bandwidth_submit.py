"""What Bandwidth is sent to what effect."""

from typing import Any

import orjson
import pytest

from broker.domain.message import Priority
from broker.domain.wire import Request
from broker.errors import (
    NotAuthorised,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Throttled,
    Unavailable,
)
from broker.providers.base import Outgoing
from tests.conversation import talk
from tests.unit.providers.building import ACCOUNT, MESSAGE_ID, answer, bandwidth, picture, submission

ACCEPTED = answer(202, {"id": "1795262400123a7b8c9d0e1f2g3h4", "to": ["+12025550101"]})


def sent(request: Request) -> dict[str, Any]:
    """Return the JSON that a request carries."""
    body: dict[str, Any] = orjson.loads(request.body)
    return body


def test_an_sms_is_one_call_with_every_field() -> None:
    provider = bandwidth()
    receipt, requests = talk(provider.submit(submission(priority=Priority.HIGH)), ACCEPTED)

    assert (receipt.provider_ref, receipt.http_status) == ("1795262400123a7b8c9d0e1f2g3h4", 202)
    (request,) = requests
    assert (request.method, request.url) == ("POST", f"{ACCOUNT}/messages")
    assert request.credentials
    assert request.headers["Content-Type"] == "application/json; charset=utf-8"
    assert provider.is_create(request)
    assert sent(request) == {
        "applicationId": "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00",
        "to": ["+12025550101"],
        "from": "+12025550150",
        "text": "Menu for this week",
        "tag": f"{MESSAGE_ID}.1",
        "priority": "high",
        "expiration": "2026-11-22T12:00:00.005Z",
    }


@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.BULK])
def test_only_a_high_priority_is_high(priority: Priority) -> None:
    _, (request,) = talk(bandwidth().submit(submission(priority=priority)), ACCEPTED)
    assert sent(request)["priority"] == "default"


def test_parts_are_uploaded_before_the_message_names_them() -> None:
    provider = bandwidth()
    card = picture(content_type="text/x-vcard", name="me.vcf")
    receipt, requests = talk(
        provider.submit(submission(picture(), card, text="")), answer(204), answer(204), ACCEPTED
    )

    assert receipt.provider_ref
    first, second, create = requests
    assert (first.method, first.url) == ("PUT", f"{ACCOUNT}/media/{MESSAGE_ID}-1-c0ffee.jpg")
    assert (second.method, second.url) == ("PUT", f"{ACCOUNT}/media/{MESSAGE_ID}-2-c0ffee.vcf")
    assert first.headers["Content-Type"] == "image/jpeg"
    assert first.body == b"\xff\xd8\xff\xe0"
    assert [provider.is_create(request) for request in requests] == [False, False, True]
    assert all(request.credentials for request in requests)
    assert sent(create)["media"] == [first.url, second.url]
    assert "text" not in sent(create)
    assert "expiration" not in sent(create)


def test_a_part_with_a_link_is_not_uploaded() -> None:
    part = Outgoing(
        name="a.jpg", content_type="image/jpeg", size=9, url="https://broker.example.com/media/t/a.jpg"
    )
    _, (create,) = talk(bandwidth(media_mode="link").submit(submission(part)), ACCEPTED)
    assert sent(create)["media"] == ["https://broker.example.com/media/t/a.jpg"]


def test_a_layout_is_left_out() -> None:
    layout = picture(content_type="application/smil", name="show.smil")
    _, requests = talk(bandwidth().submit(submission(layout, picture())), answer(204), ACCEPTED)
    assert len(sent(requests[-1])["media"]) == 1


def test_the_subject_goes_in_front_of_the_text() -> None:
    _, (create,) = talk(bandwidth().submit(submission(subject="Lunch")), ACCEPTED)
    assert sent(create)["text"] == "Lunch\nMenu for this week"


def test_a_group_is_one_call_to_each_once() -> None:
    to = ("+12025550101", "+12025550102", "+12025550101")
    _, (create,) = talk(bandwidth().submit(submission(to=to, group=True)), ACCEPTED)
    assert sent(create)["to"] == ["+12025550101", "+12025550102"]
    assert "expiration" not in sent(create)


def test_an_mms_is_marked_where_its_receipts_cannot_be_trusted() -> None:
    provider = bandwidth(mms_receipts=False)
    _, (sms,) = talk(provider.submit(submission()), ACCEPTED)
    _, (_, mms) = talk(provider.submit(submission(picture())), answer(204), ACCEPTED)
    assert sent(sms)["tag"] == f"{MESSAGE_ID}.1"
    assert sent(mms)["tag"] == f"{MESSAGE_ID}.1.m"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize(
    "body", [b"", b"<html>", {}, [], {"id": 5}, {"id": ""}, {"id": None}, {"id": "x" * 65}]
)
def test_an_accepted_message_without_a_readable_id_is_accepted_all_the_same(
    status: int, body: object
) -> None:
    receipt, _ = talk(bandwidth().submit(submission()), answer(status, body))
    assert (receipt.provider_ref, receipt.http_status) == (None, status)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Unavailable),
        (307, Unavailable),
        (400, Rejected),
        (401, NotAuthorised),
        (403, NotAuthorised),
        (404, Rejected),
        (405, Rejected),
        (406, Rejected),
        (408, Unavailable),
        (415, Rejected),
        (422, Rejected),
        (429, Throttled),
        (500, OutcomeUnknown),
        (501, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, Unavailable),
        (504, OutcomeUnknown),
        (599, OutcomeUnknown),
    ],
)
def test_the_status_of_the_create_call_decides(status: int, error: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as raised:
        talk(bandwidth().submit(submission()), answer(status, {"type": "some-type", "description": "words"}))
    assert type(raised.value) is error
    assert (raised.value.http_status, raised.value.code) == (status, "some-type")


@pytest.mark.parametrize("failure", [500, 502, 503, 504, 408, OutcomeUnknown("the connection was reset")])
def test_a_failed_upload_never_leaves_the_outcome_open(failure: int | Exception) -> None:
    reply = answer(failure) if isinstance(failure, int) else failure
    with pytest.raises(Unavailable):
        talk(bandwidth().submit(submission(picture())), reply)


def test_a_lost_answer_to_the_create_call_leaves_the_outcome_open() -> None:
    with pytest.raises(OutcomeUnknown):
        talk(
            bandwidth().submit(submission(picture())), answer(204), OutcomeUnknown("the connection was reset")
        )


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("86400", 900.0),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 12:00:00 GMT", 900.0),
        ("soon", None),
        ("-5", None),
        ("\uff17", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_carrier_says_how_long_to_wait(status: int, header: str, wait: float | None) -> None:
    with pytest.raises(Throttled) as raised:
        talk(bandwidth().submit(submission()), answer(status, retry_after=header))
    assert raised.value.retry_after_s == wait


def test_a_refusal_names_the_fields_and_hides_numbers_and_text() -> None:
    refusal = {
        "type": "request-validation",
        "description": "'+12025550101' with 'Menu for this week' is bad",
        "fieldErrors": [{"fieldName": "to", "description": "x"}, {"fieldName": "from"}, "odd", {}],
    }
    with pytest.raises(Rejected) as raised:
        talk(bandwidth().submit(submission()), answer(400, refusal))
    assert raised.value.detail == (
        "400 request-validation: '+1202***0101' with '\u2026' is bad (fields: to, from)"
    )


def test_another_shape_of_refusal_is_read_too() -> None:
    body = {
        "timestamp": "x",
        "status": 404,
        "error": "Not Found",
        "message": "No message available",
        "path": "/",
    }
    with pytest.raises(Rejected) as raised:
        talk(bandwidth().submit(submission()), answer(404, body))
    assert (raised.value.code, raised.value.detail) == ("Not Found", "404 Not Found: No message available")


@pytest.mark.parametrize(
    "body", [b"<html>\n<h1>Bad \0 gateway</h1>" + b"x" * 5000, b"\xff\xfe", b"", b"[1]", b"{"]
)
def test_a_gateways_own_page_is_kept_short(body: bytes) -> None:
    with pytest.raises(OutcomeUnknown) as raised:
        talk(bandwidth().submit(submission()), answer(502, body))
    assert raised.value.detail.startswith("502")
    assert len(raised.value.detail) <= 512
    assert raised.value.detail.isprintable()


@pytest.mark.parametrize(
    ("parts", "changes"),
    [
        ((), {"text": ""}),
        ((picture(content_type="application/smil", name="a.smil"),), {"text": ""}),
        ((), {"text": "x" * 2049}),
        ((), {"text": "x" * 2048, "subject": "s"}),
        ((picture(),) * 11, {}),
        ((picture(size=3_500_001),), {}),
        ((picture(size=600_000), picture(size=400_001)), {}),
        ((picture(size=525_001),), {"originator": "+18885550150"}),
        ((picture(content_type="image/webp"),), {}),
        ((picture(content_type="text/html"),), {}),
        ((), {"to": tuple(f"+1202555{n:04}" for n in range(11)), "group": True}),
        ((), {"to": ("+12025550101", "+12025550102"), "group": True, "originator": "+18885550150"}),
        ((Outgoing(name="a.jpg", content_type="image/jpeg", size=1),), {}),
        ((Outgoing(name="a.jpg", content_type="image/jpeg", size=1, url="https://x/" + "y" * 4096),), {}),
    ],
)
def test_what_bandwidth_would_refuse_is_refused_before_anything_is_sent(
    parts: tuple[Outgoing, ...], changes: dict[str, Any]
) -> None:
    with pytest.raises(Rejected) as raised:
        talk(bandwidth().submit(submission(*parts, **changes)))
    assert raised.value.code == "limit"


def test_what_just_fits_is_sent() -> None:
    fitting = submission(*(picture(size=100_000),) * 10, text="x" * 2048)
    talk(bandwidth().submit(fitting), *(answer(204),) * 10, ACCEPTED)
    toll_free = submission(picture(size=525_000), originator="+18885550150")
    talk(bandwidth().submit(toll_free), answer(204), ACCEPTED)
    group = submission(to=tuple(f"+1202555{n:04}" for n in range(10)), group=True)
    talk(bandwidth().submit(group), ACCEPTED)


def test_a_stand_in_can_live_elsewhere() -> None:
    provider = bandwidth(base_url="http://127.0.0.1:9100/api/v2/", account_id=9900000)
    _, (create,) = talk(provider.submit(submission()), ACCEPTED)
    assert create.url == "http://127.0.0.1:9100/api/v2/users/9900000/messages"
