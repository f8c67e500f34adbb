"""Messages in a customer's answer to an arrival (sheet ozeki 8.2)."""

import pytest

from broker.dialects.ozeki.dialect import OzekiDialect
from broker.domain.draft import Draft
from broker.domain.message import Direction
from broker.domain.wire import Response
from broker.errors import RequestError
from tests.factories import RECIPIENT, SENDER
from tests.unit.dialects.test_callbacks import arrival, make_callback

SHEETS = r"{SMS:TEXT}{Bandwidth_1}{+15550009999}{+15550003333}{Thanks \{ok\}}"


def replies(text: str) -> tuple[Draft | RequestError, ...]:
    return OzekiDialect().replies(arrival(), Response(status=200, body=text.encode()))


def only(text: str) -> Draft:
    (draft,) = replies(text)
    assert isinstance(draft, Draft), draft
    return draft


def test_a_line_is_type_connection_sender_recipient_and_text() -> None:
    draft = only(SHEETS)
    assert (draft.connection, draft.originator, draft.recipients, draft.text) == (
        "Bandwidth_1",
        "+15550009999",
        ("+15550003333",),
        "Thanks {ok}",
    )


def test_what_is_empty_is_routed_freely_and_comes_from_the_number_that_received() -> None:
    draft = only("{SMS:TEXT}{}{}{+12025550101}{x}")
    assert (draft.connection, draft.originator) == (None, SENDER)


def test_there_is_a_message_for_each_line() -> None:
    found = replies("{SMS:TEXT}{}{}{+12025550101}{one}\r\n\r\n{SMS:TEXT}{}{}{+12025550102}{two}\r\n")
    assert [draft.text for draft in found if isinstance(draft, Draft)] == ["one", "two"]


def test_the_same_answer_told_again_has_the_same_keys() -> None:
    both = "{SMS:TEXT}{}{}{+12025550101}{one}\n{SMS:TEXT}{}{}{+12025550102}{two}"
    keys = [draft.key for draft in replies(both) if isinstance(draft, Draft)]
    assert keys == ["an-id_delivered.0", "an-id_delivered.1"]
    assert keys == [draft.key for draft in replies(both) if isinstance(draft, Draft)]
    one, other = (only(f"{{SMS:TEXT}}{{}}{{}}{{+12025550101}}{{{text}}}") for text in ("a", "b"))
    assert one.digest != other.digest


def test_pictures_can_be_sent_too() -> None:
    draft = only("{MMS:XML}{}{}{+12025550101}{<MMS><subject>S</subject><messagetext>Hi</messagetext></MMS>}")
    assert (draft.subject, draft.text) == ("S", "Hi")


@pytest.mark.parametrize(
    "line",
    [
        "ok",
        "<html>thank you</html>",
        "{SMS:TEXT}{}{}{+12025550101}",
        "{SMS:TEXT}{}{}{+12025550101}{x}{y}",
        "{SMS:TEXT}{}{}{+12025550101}{x",
        "{SMS:TEXT}{}{}{+12025550101}{a{b}}",
        "{SMS:BINARY}{}{}{+12025550101}{x}",
        "{SMS:TEXT}{}{}{+12025550101}{}",
        "{SMS:TEXT}{}{}{" + "1" * 65 + "}{x}",
        "{" * 4000,
        "{\\" * 2000,
    ],
)
def test_a_line_that_does_not_fit_is_no_message(line: str) -> None:
    (found,) = replies(line)
    assert isinstance(found, RequestError)


def test_an_empty_answer_sends_nothing() -> None:
    assert replies("") == replies("\r\n \r\n") == ()


def test_the_answer_to_a_report_sends_nothing() -> None:
    report = make_callback(message={"direction": Direction.OUT, "recipient": RECIPIENT})
    assert OzekiDialect().replies(report, Response(status=200, body=SHEETS.encode())) == ()


def test_one_answer_sends_only_so_many() -> None:
    assert len(replies("{SMS:TEXT}{}{}{+12025550101}{x}\n" * 200)) == 100
