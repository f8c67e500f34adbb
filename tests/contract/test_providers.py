"""What every provider must do, whatever its carrier."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from broker.domain.account import Connection
from broker.domain.event import Inbound, Report, Unread
from broker.domain.message import Message
from broker.domain.status import REPORTS
from broker.domain.wire import Call, Request, Response
from broker.errors import (
    ConfigurationError,
    MediaForbidden,
    NotAuthorised,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    SignatureMismatch,
    Throttled,
    Unavailable,
    Unreadable,
)
from broker.providers import PROVIDERS
from broker.providers.base import MEDIA_MODES, Outgoing, Provider, Submission
from broker.providers.choice import provider_for
from tests.conversation import talk

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MESSAGE_ID = "0197a1b2-c3d4-7e5f-8a6b-0c1d2e3f4a5b"
TEXT = "A text that nobody but the recipient should read"
PAYLOADS = Path(__file__).parents[1] / "payloads"


@dataclass(frozen=True, kw_only=True)
class Carrier:
    """What the suite must know of one carrier: how to reach it, and what its kind of "yes" looks like."""

    config: dict[str, Any]
    yes: Response

    def provider(self, name: str, **changes: Any) -> Provider:
        connection = Connection(
            name="under-test",
            provider=name,
            media_hosts=("media.example.com",),
            config={**self.config, **changes},
        )
        return PROVIDERS[name](connection, now=lambda: NOW, dice=lambda: "c0ffee")


WEBHOOK = {"webhook_username": "hook", "webhook_password": "open"}
CARRIERS = {
    "bandwidth": Carrier(
        config={
            "base_url": "https://carrier.example.com/api/v2",
            "token_url": "https://carrier.example.com/token",
            "client_id": "client",
            "client_secret": "a client's secret",
            "account_id": "9900000",
            "application_id": "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00",
            **WEBHOOK,
        },
        yes=Response(status=202, body=b'{"id":"the-carriers-own"}'),
    ),
    "loopback": Carrier(
        config={
            "base_url": "https://carrier.example.com",
            "username": "u",
            "password": "a secret",
            **WEBHOOK,
        },
        yes=Response(status=200, body=b'{"ref":"the-carriers-own"}'),
    ),
}


def test_every_provider_is_under_contract() -> None:
    assert set(CARRIERS) == set(PROVIDERS)
    assert all(PROVIDERS[name].name == name for name in PROVIDERS)
    assert all((PAYLOADS / name).is_dir() for name in PROVIDERS)


@pytest.fixture(params=sorted(PROVIDERS))
def name(request: pytest.FixtureRequest) -> str:
    """Every provider's name, one after the other."""
    return str(request.param)


@pytest.fixture
def carrier(name: str) -> Carrier:
    """What the suite knows of the carrier."""
    return CARRIERS[name]


@pytest.fixture
def provider(name: str, carrier: Carrier) -> Provider:
    """The provider, ready to talk."""
    return carrier.provider(name)


def message(**changes: Any) -> Message:
    """Make a message to one recipient."""
    fields: dict[str, Any] = {
        "id": MESSAGE_ID,
        "account": "acme",
        "originator": "+12025550150",
        "recipient": "+12025550101",
        "text": TEXT,
        "created_at": NOW,
        "valid_until": datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
    }
    return Message(**{**fields, **changes})


def submission(*parts: Outgoing, to: tuple[str, ...] = ("+12025550101",), **changes: Any) -> Submission:
    """Make a submission: an SMS, unless parts are given."""
    return Submission(message=message(**changes), recipients=to, tag=f"{MESSAGE_ID}.3", parts=parts)


def pictures(count: int) -> tuple[Outgoing, ...]:
    """Make parts whose bytes are at hand."""
    return tuple(
        Outgoing(name=f"{n}.jpg", content_type="image/jpeg", size=4, data=b"\xff\xd8\xff\xe0")
        for n in range(count)
    )


def submit(provider: Provider, what: Submission, last: Response | Exception) -> tuple[Any, list[Request]]:
    """Submit with every step but the create call succeeding, and the create call answered with `last`."""
    conversation = provider.submit(what)
    requests = [next(conversation)]
    try:
        while not provider.is_create(requests[-1]):
            requests.append(conversation.send(Response(status=200, body=b"{}")))
        if isinstance(last, Exception):
            requests.append(conversation.throw(last))
        else:
            requests.append(conversation.send(last))
    except StopIteration as end:
        return end.value, requests
    raise AssertionError("something was asked after the create call")


@pytest.mark.parametrize("parts", [0, 1, 3])
def test_the_create_call_is_the_last_request_and_the_only_one_of_its_kind(
    provider: Provider, carrier: Carrier, parts: int
) -> None:
    receipt, requests = submit(provider, submission(*pictures(parts)), carrier.yes)
    assert [provider.is_create(request) for request in requests].count(True) == 1
    assert provider.is_create(requests[-1])
    assert (receipt.provider_ref, receipt.http_status) == ("the-carriers-own", carrier.yes.status)


def test_every_request_asks_for_credentials_and_shows_none(provider: Provider, carrier: Carrier) -> None:
    _, requests = submit(provider, submission(*pictures(2)), carrier.yes)
    for request in requests:
        assert request.credentials
        assert "authorization" not in {key.lower() for key in request.headers}
        assert request.url.startswith("https://carrier.example.com/")


def test_the_carrier_is_given_our_id_to_echo(provider: Provider, carrier: Carrier) -> None:
    _, requests = submit(provider, submission(), carrier.yes)
    assert f'"{MESSAGE_ID}.3"'.encode() in requests[-1].body


def test_every_recipient_and_the_whole_text_are_sent(provider: Provider, carrier: Carrier) -> None:
    to = ("+12025550101", "+12025550102")
    _, requests = submit(
        provider, submission(to=to, group=True, subject="Subject", text="\u20ac \U0001f600"), carrier.yes
    )
    body = requests[-1].body.decode()
    assert all(number in body for number in to)
    assert "\u20ac \U0001f600" in body
    assert "Subject" in body


def test_a_part_that_we_hold_a_link_for_is_sent_as_that_link(provider: Provider, carrier: Carrier) -> None:
    link = "https://broker.example.com/media/token/a.jpg"
    part = Outgoing(name="a.jpg", content_type="image/jpeg", size=9, url=link)
    _, requests = submit(provider, submission(part), carrier.yes)
    assert len(requests) == 1
    assert link.encode() in requests[0].body


def test_submitting_twice_sends_the_same_message(provider: Provider, carrier: Carrier) -> None:
    first, second = (submit(provider, submission(*pictures(1)), carrier.yes)[1] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id":7,"ref":7}', b"\xff"])
def test_a_yes_is_a_yes_whatever_its_body(provider: Provider, body: bytes) -> None:
    receipt, _ = submit(provider, submission(), Response(status=202, body=body))
    assert receipt.provider_ref is None


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (302, Unavailable),
        (400, Rejected),
        (401, NotAuthorised),
        (403, NotAuthorised),
        (404, Rejected),
        (408, Unavailable),
        (422, Rejected),
        (429, Throttled),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, Unavailable),
        (504, OutcomeUnknown),
    ],
)
def test_a_no_says_what_to_do(provider: Provider, status: int, error: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as raised:
        submit(provider, submission(), Response(status=status))
    assert type(raised.value) is error
    assert raised.value.http_status == status


def test_the_wait_that_a_carrier_asks_for_is_bounded(provider: Provider) -> None:
    for header, wait in (("3", 3.0), ("999999", 900.0), ("rubbish", None)):
        with pytest.raises(Throttled) as raised:
            submit(provider, submission(), Response(status=429, headers={"retry-after": header}))
        assert raised.value.retry_after_s == wait


def test_a_lost_answer_stays_unknown(provider: Provider) -> None:
    with pytest.raises(OutcomeUnknown):
        submit(provider, submission(), OutcomeUnknown("reset"))


def test_what_fails_before_the_create_call_is_never_unknown(provider: Provider) -> None:
    for failure in (Response(status=500), Response(status=504), OutcomeUnknown("reset")):
        first = next(provider.submit(submission(*pictures(1))))
        if provider.is_create(first):
            pytest.skip("this carrier needs no step before the create call")
        with pytest.raises(Unavailable):
            talk(provider.submit(submission(*pictures(1))), failure)


def test_an_error_repeats_neither_text_nor_whole_numbers(provider: Provider) -> None:
    echo = orjson.dumps({"description": f"cannot send '{TEXT}' to +12025550101"})
    for body in (echo, f"<p>cannot send '{TEXT}' to +12025550101".encode()):
        with pytest.raises(Rejected) as raised:
            submit(provider, submission(), Response(status=400, body=body))
        assert "cannot send" in raised.value.detail
        assert TEXT not in raised.value.detail
        assert "+12025550101" not in raised.value.detail


def test_nothing_is_sent_that_breaks_a_limit(provider: Provider) -> None:
    limits = provider.limits
    big = Outgoing(name="a.jpg", content_type="image/jpeg", size=limits.part_bytes + 1, data=b"")
    page = Outgoing(name="a.html", content_type="text/html", size=1, data=b"<")
    crowd = tuple(f"+1202555{n:04}" for n in range(limits.recipients + 1))
    for broken in (
        submission(text=""),
        submission(text="x" * (limits.text + 1)),
        submission(*pictures(limits.parts + 1)),
        submission(big),
        submission(page),
        submission(to=crowd, group=True),
    ):
        with pytest.raises(Rejected) as raised:
            talk(provider.submit(broken))
        assert raised.value.code == "limit"


def test_credentials_are_added_without_touching_the_rest(provider: Provider) -> None:
    request = Request(
        method="GET", url="https://carrier.example.com/x", headers={"A": "b"}, body=b"c", credentials=True
    )
    signed = provider.authorise(request, "token" if provider.needs_token() else None)
    assert (signed.method, signed.url, signed.body, signed.headers["A"]) == ("GET", request.url, b"c", "b")
    assert signed.headers["Authorization"]
    assert "Authorization" not in request.headers


def test_a_provider_without_tokens_has_none_to_give(provider: Provider) -> None:
    with pytest.raises(NotAuthorised):
        talk(provider.token(secret=7))


def test_a_webhook_is_answered_by_challenge_until_its_credentials_are_right(provider: Provider) -> None:
    for headers in ({}, {"authorization": "Basic aG9vazp3cm9uZw=="}):
        with pytest.raises(SignatureMismatch):
            provider.verify(Call(method="POST", path="/", headers=headers))
    provider.verify(Call(method="POST", path="/", headers={"authorization": "Basic aG9vazpvcGVu"}))
    assert provider.challenge().status == 401
    assert provider.challenge().headers["WWW-Authenticate"]


def test_a_webhook_is_acknowledged_with_nothing_to_read(provider: Provider) -> None:
    assert (provider.acknowledge().status, provider.acknowledge().body) == (200, b"")


def test_every_sample_webhook_is_read_the_same_way_twice(name: str, provider: Provider) -> None:
    kinds: set[type] = set()
    for path in sorted((PAYLOADS / name).glob("*.json")):
        try:
            news = provider.read(path.read_bytes())
        except Unreadable:
            kinds.add(Unreadable)
            continue
        assert news == provider.read(path.read_bytes()), path.name
        kinds.update(type(item) for item in news)
        for item in news:
            assert isinstance(item, Unread) or (item.key and item.at.tzinfo and item.provider_ref), path.name
            assert not isinstance(item, Report) or item.event in REPORTS, path.name
    assert kinds >= {Report, Inbound, Unread, Unreadable}, "the samples leave something out"


def test_an_echoed_tag_finds_the_message(name: str, provider: Provider) -> None:
    (news,) = provider.read((PAYLOADS / name / "delivered.json").read_bytes())
    assert isinstance(news, Report)
    assert (news.message_id, news.attempt) == (MESSAGE_ID, 1)


@pytest.mark.parametrize("body", [b"", b"\0", b"null", b"7", b'"x"', b"{", b"[" * 5000, b"\xff"])
def test_what_is_not_the_carriers_format_is_unreadable(provider: Provider, body: bytes) -> None:
    with pytest.raises(Unreadable):
        provider.read(body)


@pytest.mark.parametrize(
    "element", [None, 7, "x", [], {}, {"type": {}}, {"event": []}, {"message": 5, "type": "t"}]
)
def test_an_element_that_makes_no_sense_is_kept_as_unread(provider: Provider, element: object) -> None:
    (news,) = provider.read(orjson.dumps([element]))
    assert isinstance(news, Unread)


def test_a_part_is_fetched_from_the_carriers_own_host_only(provider: Provider) -> None:
    request = provider.media("https://media.example.com/1/a.jpg")
    assert (request.method, request.url, request.credentials) == (
        "GET",
        "https://media.example.com/1/a.jpg",
        True,
    )
    for elsewhere in (
        "http://media.example.com/1/a.jpg",
        "https://media.example.com.evil.example/a.jpg",
        "https://media.example.com@evil.example/a.jpg",
        "https://carrier.example.com/a.jpg",
        "https://10.0.0.1/a.jpg",
    ):
        with pytest.raises(MediaForbidden):
            provider.media(elsewhere)


def test_without_media_hosts_the_carriers_address_is_the_only_one(name: str, carrier: Carrier) -> None:
    lonely = PROVIDERS[name](Connection(name="c", provider=name, config=carrier.config))
    assert lonely.media("https://carrier.example.com/a.jpg").credentials
    with pytest.raises(MediaForbidden):
        lonely.media("https://media.example.com/a.jpg")


def test_every_media_mode_can_be_chosen_and_no_other(name: str, carrier: Carrier) -> None:
    assert [carrier.provider(name, media_mode=mode).media_mode for mode in MEDIA_MODES] == list(MEDIA_MODES)
    with pytest.raises(ConfigurationError):
        carrier.provider(name, media_mode="pigeon")


def test_a_connection_is_led_to_its_provider(name: str, carrier: Carrier) -> None:
    found = provider_for(Connection(name="c", provider=name, config=carrier.config))
    assert isinstance(found, PROVIDERS[name])


def test_a_missing_address_is_named(name: str, carrier: Carrier) -> None:
    with pytest.raises(ConfigurationError, match="base_url is missing"):
        carrier.provider(name, base_url="")


def test_an_unknown_provider_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="unknown provider pigeon"):
        provider_for(Connection(name="c", provider="pigeon"))
