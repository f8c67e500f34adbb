"""What each dialect tells a customer."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from broker.dialects.base import utc_now
from broker.dialects.native.dialect import NativeDialect
from broker.dialects.ozeki.dialect import OzekiDialect
from broker.domain.callback import Callback, InboundMode, Manner
from broker.domain.message import Direction, Part, PartState, Tag
from broker.domain.status import Status
from broker.errors import ConfigurationError
from tests.factories import NOW, RECIPIENT, SENDER, make_message

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT = "whsec_c2Vjb25kLXNlY3JldC1mb3Itcm90YXRpb24="
PICTURE = Part(
    index=1,
    content_type="image/jpeg",
    name="a.jpg",
    state=PartState.STORED,
    size=5,
    sha256="ab",
    path="/x/1-a.jpg",
)
LINK = "https://broker.example/media/token/a.jpg"


def make_callback(*, message: dict[str, Any] | None = None, **changes: Any) -> Callback:
    """A report of a delivery."""
    values: dict[str, Any] = {
        "id": "an-id_delivered",
        "message": make_message(**(message or {})),
        "status": Status.DELIVERED,
        "sequence": 2,
        "at": NOW,
        "sent_at": utc_now(),
        "url": "https://customer.example/told",
    }
    return Callback(**{**values, **changes})


def arrival(**changes: Any) -> Callback:
    """Something that arrived."""
    message = {
        "direction": Direction.IN,
        "originator": RECIPIENT,
        "recipient": SENDER,
        "text": "Yes & no",
        "connection": "bandwidth-1",
    }
    own = changes.pop("message", {})
    return make_callback(message={**message, **own}, **{"status": Status.READY, "sequence": 1, **changes})


def native(callback: Callback) -> dict[str, Any]:
    return dict(orjson.loads(NativeDialect().callback(callback).body))


def test_a_report_names_the_message_and_what_it_became() -> None:
    callback = make_callback(message={"reference": "order-7"}, detail="late; ")
    assert native(callback) == {
        "type": "message.delivered",
        "timestamp": "2026-11-21T12:00:00.000Z",
        "data": {
            "id": callback.message.id,
            "direction": "out",
            "status": "delivered",
            "sequence": 2,
            "from": SENDER,
            "to": RECIPIENT,
            "reference": "order-7",
            "batch": None,
            "detail": "late; ",
            "possible_duplicate": False,
        },
    }


def test_an_arrival_comes_whole_with_links_to_its_parts() -> None:
    callback = arrival(message={"parts": (PICTURE, Part(index=2))}, links={1: LINK})
    data = native(callback)["data"]
    assert (data["from"], data["to"], data["text"]) == (RECIPIENT, SENDER, "Yes & no")
    first, second = data["parts"]
    assert (first["id"], first["url"]) == (f"{callback.message.id}.1", LINK)
    assert (second["id"], second["url"], second["state"]) == (None, None, "pending")


@pytest.mark.parametrize(("sequence", "kind"), [(1, "message.received"), (2, "message.completed")])
def test_media_that_came_after_its_text_completes_the_message(sequence: int, kind: str) -> None:
    assert native(arrival(sequence=sequence))["type"] == kind


def test_every_active_secret_signs() -> None:
    request = NativeDialect().callback(make_callback(secrets=(SECRET, NEXT)))
    for secret in (SECRET, NEXT):
        Webhook(secret).verify(request.body, dict(request.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(request.body + b" ", dict(request.headers))


def test_a_retry_has_the_same_id_and_body_and_a_time_of_its_own() -> None:
    first = make_callback(secrets=(SECRET,))
    again = make_callback(
        message={"id": first.message.id}, secrets=(SECRET,), sent_at=first.sent_at + timedelta(seconds=30)
    )
    one, other = NativeDialect().callback(first), NativeDialect().callback(again)
    assert one.body == other.body
    assert one.headers["webhook-id"] == other.headers["webhook-id"] == "an-id_delivered"
    assert int(other.headers["webhook-timestamp"]) == int(one.headers["webhook-timestamp"]) + 30
    assert one.headers["webhook-signature"] != other.headers["webhook-signature"]


def test_without_a_secret_there_is_no_signature() -> None:
    assert "webhook-signature" not in NativeDialect().callback(make_callback()).headers


@pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "whsec_ä"])
def test_a_secret_that_is_none_is_an_error_of_ours(secret: str) -> None:
    with pytest.raises(ConfigurationError):
        NativeDialect().callback(make_callback(secrets=(secret,)))


def ozeki(callback: Callback) -> dict[str, str]:
    """Return the parameters of Ozeki's call."""
    request = OzekiDialect().callback(callback)
    assert request is not None
    assert request.method == "GET"
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


def test_ozeki_puts_values_in_the_place_of_words() -> None:
    url = "http://crm.example/in?from=$originator&to=$RECIPIENT&msg=$messagedata&at=$receivedtime&x=$nothing"
    assert ozeki(arrival(url=url)) == {
        "from": RECIPIENT,
        "to": SENDER,
        "msg": "Yes & no",
        "at": "2026-11-21 12:00:00",
        "x": "$nothing",
    }


def test_in_ozekis_addresses_the_longest_word_wins() -> None:
    found = ozeki(arrival(url="http://crm.example/in?a=$messagetype&b=$msgs&c=$keyword&d=$operator"))
    assert found == {"a": "SMS:TEXT", "b": "Yes & nos", "c": "Yes", "d": "bandwidth-1"}


def test_a_value_is_never_taken_for_a_word() -> None:
    found = ozeki(arrival(url="http://crm.example/in?a=$messagedata", message={"text": "$originator"}))
    assert found == {"a": "$originator"}


def test_ozeki_is_told_of_files_and_tags() -> None:
    message = {"parts": (PICTURE,), "tags": (Tag(name="a", value="b"),)}
    found = ozeki(
        arrival(url="http://crm.example/?f=$attachment&t=$tags&k=$type", message=message, links={1: LINK})
    )
    assert found == {"f": LINK, "t": '[{"name":"a","value":"b"}]', "k": "MMS:XML"}


@pytest.mark.parametrize(
    ("status", "code", "word"),
    [
        (Status.SUBMITTED, "1", "Submitted"),
        (Status.DELIVERED, "3", "Delivered"),
        (Status.REJECTED, "6", "SubmitFailed"),
        (Status.FAILED, "6", "SubmitFailed"),
        (Status.UNDELIVERED, "7", "DeliveryFailed"),
        (Status.EXPIRED, "7", "DeliveryFailed"),
    ],
)
def test_ozeki_reports_in_its_own_words(status: Status, code: str, word: str) -> None:
    url = "http://crm.example/r?id=$messageid&s=$status&w=$statusmessage&e=$errorcode"
    found = ozeki(make_callback(url=url, status=status, detail="4702", message={"reference": "mine"}))
    assert found == {"id": "mine", "s": code, "w": word, "e": "4702"}


@pytest.mark.parametrize("status", [Status.RELAYED, Status.READ, Status.UNCONFIRMED])
def test_ozeki_has_no_word_for_some_states(status: Status) -> None:
    assert OzekiDialect().callback(make_callback(status=status)) is None


def test_an_arrival_makes_one_call_in_ozekis_way() -> None:
    assert OzekiDialect().callback(arrival(sequence=2)) is None


def test_an_arrival_may_be_posted_as_a_form() -> None:
    words = "http://crm.example/in?from=$originator&msg=$messagedata"
    posted = OzekiDialect().callback(arrival(url=words, manner=Manner(inbound=InboundMode.POST)))
    assert posted is not None
    assert (posted.method, posted.url) == ("POST", "http://crm.example/in")
    assert posted.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(posted.body.decode()) == {"from": [RECIPIENT], "msg": ["Yes & no"]}
    report = OzekiDialect().callback(make_callback(url=words, manner=Manner(inbound=InboundMode.POST)))
    assert report is not None
    assert report.method == "GET"


def test_ozekis_times_are_the_accounts_own() -> None:
    there = Manner(timezone="America/New_York")
    assert ozeki(arrival(url="http://crm.example/?at=$receivedtime", manner=there)) == {
        "at": "2026-11-21 07:00:00"
    }
    report = make_callback(url="http://crm.example/?at=$reporttime", manner=there)
    assert ozeki(report) == {"at": "2026-11-21 07:00:00"}
