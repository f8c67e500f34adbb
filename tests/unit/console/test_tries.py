"""What was said in each attempt of a message, taken out of the event log."""

from datetime import timedelta

from broker.console.tries import tries
from broker.domain.logbook import Entry, Kind, Way
from broker.domain.record import Attempt
from tests.factories import NOW


def said(after: float, kind: Kind, text: str, way: Way = Way.NONE, connection: str = "b-1") -> Entry:
    at = NOW + timedelta(seconds=after)
    return Entry(at=at, connection=connection, kind=kind, text=text, direction=way)


def asked(after: float, connection: str = "b-1") -> Entry:
    return said(after, Kind.HTTP_REQUEST, "POST https://carrier.example/x", Way.OUT, connection)


def answered(after: float, status: str, connection: str = "b-1") -> Entry:
    return said(after, Kind.HTTP_RESPONSE, status, Way.IN, connection)


def attempt(number: int, connection: str = "b-1") -> Attempt:
    return Attempt(number=number, connection=connection, started_at=NOW)


def shown(attempts: list[Attempt], *entries: Entry) -> tuple[list[list[str | None]], list[str]]:
    told, rest = tries(attempts, entries)
    answers = [[pair.answer and pair.answer.text for pair in one.exchanges] for one in told]
    return answers, [entry.text for entry in rest]


def test_conversations_over_two_connections_at_a_time_are_kept_apart() -> None:
    answers, rest = shown(
        [attempt(1), attempt(2, "b-2")],
        asked(1),
        asked(2, "b-2"),
        answered(3, "202", "b-2"),
        answered(4, "503"),
        said(5, Kind.MESSAGE_SENT, "attempt 2: receipt", connection="b-2"),
        said(6, Kind.RETRY, "attempt 1: defer; busy"),
    )
    assert answers == [["503"], ["202"]]
    assert rest == []


def test_the_answer_that_a_webhook_got_from_us_is_no_answer_of_the_carrier() -> None:
    answers, rest = shown(
        [attempt(1)],
        asked(1),
        said(2, Kind.HTTP_REQUEST, "POST /webhooks/b-1", Way.IN),
        said(2, Kind.HTTP_RESPONSE, "200", Way.OUT),
        said(2, Kind.REPORT, "deliver"),
        answered(3, "202"),
        said(4, Kind.MESSAGE_SENT, "attempt 1: receipt"),
    )
    assert answers == [["202"]]
    assert rest == ["POST /webhooks/b-1", "200", "deliver"]


def test_what_no_attempt_owns_up_to_is_not_lost() -> None:
    answers, rest = shown(
        [attempt(1)],
        asked(1),
        answered(2, "202"),
        said(3, Kind.MESSAGE_SENT, "attempt 7: receipt"),
        asked(4),
        said(5, Kind.ERROR, "part 1: no room"),
    )
    assert answers == [[]]
    assert rest == [
        "POST https://carrier.example/x",
        "202",
        "POST https://carrier.example/x",
        "part 1: no room",
    ]
