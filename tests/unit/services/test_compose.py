"""Drafts into messages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from broker.domain import quiet
from broker.domain.account import Account
from broker.domain.draft import Draft, MediaRef
from broker.domain.message import Part, Priority, Reports
from broker.domain.value import replace
from broker.errors import (
    InvalidOriginator,
    InvalidRecipient,
    InvalidRequest,
    NotPermitted,
    RequestError,
    ValidityOver,
)
from broker.services.compose import compose

ACCOUNT = Account(name="acme", senders=("+12025550150", "+12025550151", "12345"))
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def draft(*recipients: str, **changes: Any) -> Draft:
    several = len(recipients) > 1
    return Draft(
        recipients=recipients or ("+12025550101",), **{"several": several, "text": "Hello", **changes}
    )


def test_the_first_sender_speaks_when_none_is_asked_for() -> None:
    (message,) = compose(draft(), ACCOUNT, NOW)
    assert message.originator == "+12025550150"


def test_a_sender_may_be_typed_the_national_way() -> None:
    (message,) = compose(draft(originator="(202) 555-0151"), ACCOUNT, NOW)
    assert message.originator == "+12025550151"


def test_a_short_code_of_the_account_may_speak() -> None:
    (message,) = compose(draft(originator="12345"), ACCOUNT, NOW)
    assert message.originator == "12345"


@pytest.mark.parametrize("originator", ["+12025559999", "Somebody", "54321", "\u202e"])
def test_nobody_speaks_for_another(originator: str) -> None:
    with pytest.raises(InvalidOriginator) as caught:
        compose(draft(originator=originator), ACCOUNT, NOW)
    assert caught.value.pointer == "/from"


def test_an_account_without_senders_cannot_send() -> None:
    with pytest.raises(InvalidOriginator):
        compose(draft(), Account(name="mute"), NOW)


def test_recipients_are_normalised_with_the_accounts_country() -> None:
    german = Account(name="de", senders=("+4915112345678",), country="DE")
    (message,) = compose(draft("0151 2345 6789"), german, NOW)
    assert message.recipient == "+4915123456789"


def test_several_recipients_are_a_batch_of_independent_messages() -> None:
    first, second = compose(draft("+12025550101", "+12025550102"), ACCOUNT, NOW)
    assert first.batch == second.batch is not None
    assert first.id != second.id
    assert (first.group, first.members) == (False, ())


def test_a_list_of_one_is_a_batch_too() -> None:
    (message,) = compose(draft(several=True, group=True), ACCOUNT, NOW)
    assert message.batch is not None
    assert message.group is False


def test_every_message_of_a_group_names_all_members() -> None:
    first, second = compose(draft("+12025550101", "+12025550102", group=True), ACCOUNT, NOW)
    assert first.members == second.members == (first.id, second.id)
    assert first.group


def test_every_bad_recipient_is_named() -> None:
    with pytest.raises(InvalidRequest) as caught:
        compose(draft("x", "+12025550101", "y"), ACCOUNT, NOW)
    assert [error.pointer for error in caught.value.errors] == ["/to/0", "/to/2"]


def test_one_number_in_two_spellings_is_named() -> None:
    with pytest.raises(InvalidRecipient) as caught:
        compose(draft("+12025550101", "202-555-0101"), ACCOUNT, NOW)
    assert caught.value.pointer == "/to/1"


def test_validity_counts_from_the_time_of_sending() -> None:
    later = NOW + timedelta(days=3)
    (message,) = compose(draft(send_at=later, validity_s=60), ACCOUNT, NOW)
    assert (message.send_at, message.valid_until) == (later, later + timedelta(seconds=60))


def test_what_would_be_over_before_it_is_sent_is_refused() -> None:
    with pytest.raises(ValidityOver):
        compose(draft(valid_until=NOW), ACCOUNT, NOW)


@pytest.mark.parametrize(
    "change",
    [{"subject": "Hi"}, {"media": (MediaRef(url="https://media.example.com/x.png"),)}, {"group": True}],
)
def test_multimedia_needs_the_right(change: dict[str, Any]) -> None:
    plain = Account(name="sms", senders=("+12025550150",), mms=False)
    with pytest.raises(NotPermitted):
        compose(draft("+12025550101", "+12025550102", **change), plain, NOW)


def test_parts_go_to_every_message() -> None:
    parts = (Part(index=1),)
    assert all(
        m.parts == parts for m in compose(draft("+12025550101", "+12025550102"), ACCOUNT, NOW, parts=parts)
    )


def test_the_dialect_is_kept() -> None:
    (message,) = compose(draft(), ACCOUNT, NOW, dialect="ozeki")
    assert message.dialect == "ozeki"


@pytest.mark.parametrize(
    "recipient", ["", " ", "abc", "+1202555010a", "+12025550101\n", "\uff11\uff12\uff13\uff14"]
)
def test_what_is_no_number_is_refused(recipient: str) -> None:
    with pytest.raises(RequestError):
        compose(draft(recipient), ACCOUNT, NOW)


def test_the_messages_of_a_numbered_request_share_its_number() -> None:
    first, second = compose(draft("+12025550101", "+12025550102", numbered=True), ACCOUNT, NOW)
    assert first.number == second.number
    assert first.number is not None
    assert 0 < first.number < 1 << 63


def test_only_a_request_that_asks_for_a_number_gets_one() -> None:
    (message,) = compose(draft(), ACCOUNT, NOW)
    assert message.number is None


def test_what_the_customer_notes_is_kept_with_each_message() -> None:
    made = compose(
        draft("+12025550101", "+12025550102", note="order 7", subaccount="north", reports=Reports.READ),
        ACCOUNT,
        NOW,
    )
    assert [(one.note, one.subaccount, one.reports) for one in made] == [("order 7", "north", 8)] * 2


NIGHTLY = replace(ACCOUNT, quiet_hours=quiet.read("21:00-08:00"))
MIDNIGHT = datetime(2026, 11, 21, 5, tzinfo=UTC)
"""In New York."""


def test_what_would_be_over_before_the_recipients_quiet_hours_are_is_refused_at_once() -> None:
    short = draft("+12125550101", validity_s=7 * 3600)
    with pytest.raises(
        ValidityOver, match=r"quiet hours 21:00-08:00 of a recipient end at 2026-11-21T13:00:00Z"
    ):
        compose(short, NIGHTLY, MIDNIGHT)


def test_what_is_valid_for_long_enough_is_taken_in_quiet_hours() -> None:
    (message,) = compose(draft("+12125550101", validity_s=9 * 3600), NIGHTLY, MIDNIGHT)
    assert message.send_at is None, "what the customer asked for stays as it was"


def test_a_message_for_later_is_judged_by_when_it_would_leave() -> None:
    later = draft("+12125550101", send_at=MIDNIGHT + timedelta(hours=12), validity_s=60)
    assert compose(later, NIGHTLY, MIDNIGHT)
    at_night = draft("+12125550101", send_at=MIDNIGHT + timedelta(hours=22), validity_s=60)
    with pytest.raises(ValidityOver):
        compose(at_night, NIGHTLY, MIDNIGHT)


def test_an_urgent_message_is_taken_however_short_it_is_valid() -> None:
    urgent = draft("+12125550101", validity_s=60, priority=Priority.HIGH)
    assert compose(urgent, NIGHTLY, MIDNIGHT)
