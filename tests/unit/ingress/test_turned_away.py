"""Refusals are logged one by one, but nobody can fill a disk with them."""

from structlog.testing import capture_logs

from broker.errors import AuthenticationFailed, Busy
from broker.ingress.turned_away import MOST, TurnedAway


def test_a_refusal_is_a_line_with_its_code_and_nothing_of_the_request() -> None:
    with capture_logs() as lines:
        turned = TurnedAway()
        turned.tell("ozeki", AuthenticationFailed("the password of acme is wrong"))
        turned.tell("/v1/messages/{id}", Busy("SQL is away"))
    assert [(line["event"], line["where"], line["code"]) for line in lines] == [
        ("request_refused", "ozeki", "authentication_failed"),
        ("request_refused", "/v1/messages/{id}", "unavailable"),
    ]
    assert "acme" not in str(lines)


def test_what_a_second_has_no_room_for_is_counted_and_told_in_the_next() -> None:
    now = [7.0]
    with capture_logs() as lines:
        turned = TurnedAway(lambda: now[0])
        for _ in range(MOST + 5):
            turned.tell("ozeki", AuthenticationFailed("no"))
        assert len(lines) == MOST
        now[0] = 8.1
        turned.tell("ozeki", AuthenticationFailed("no"))
        turned.tell("ozeki", AuthenticationFailed("no"))
    told = [(line["event"], line.get("requests")) for line in lines[MOST:]]
    assert told == [("requests_refused_untold", 5), ("request_refused", None), ("request_refused", None)]
