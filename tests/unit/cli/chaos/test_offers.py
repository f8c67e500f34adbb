"""What customers make of the answers of the three APIs."""

import json

import pytest

from broker.cli.chaos.offers import Offer, Verdict, read
from broker.cli.chaos.roster import CUSTOMERS
from broker.domain.wire import Response

TO = "+12025550101"
OFFERS = {each.name: Offer(marker="c1-000001", customer=each, to=(TO,)) for each in CUSTOMERS}


def answer(status: int, body: object) -> Response:
    """Return an answer with JSON, or with a text as it is."""
    return Response(status=status, body=body.encode() if isinstance(body, str) else json.dumps(body).encode())


@pytest.mark.parametrize(
    ("customer", "said", "verdict"),
    [
        ("native", answer(202, {"id": "1", "to": TO}), Verdict.TAKEN),
        ("native", answer(202, {"messages": [{"id": "1", "to": TO}]}), Verdict.TAKEN),
        ("native", answer(503, {"code": "unavailable"}), Verdict.REFUSED),
        ("native", answer(503, {"code": "outcome_unknown"}), Verdict.UNKNOWN),
        ("ozeki", answer(200, {"data": {"messages": [{"status": "SUCCESS"}]}}), Verdict.TAKEN),
        ("ozeki", answer(503, {"response_code": "UNAVAILABLE"}), Verdict.REFUSED),
        ("ozeki", answer(503, {"response_code": "OUTCOME_UNKNOWN"}), Verdict.UNKNOWN),
        ("mxtelecom", answer(200, "1234567890"), Verdict.TAKEN),
        ("mxtelecom", answer(403, "The core of the gateway cannot be reached\n3"), Verdict.REFUSED),
        ("mxtelecom", answer(403, "the message may have been accepted\n3"), Verdict.UNKNOWN),
        ("mxtelecom", answer(403, "Internal error\n13"), Verdict.UNKNOWN),
    ],
)
def test_an_answer_says_taken_refused_or_neither(customer: str, said: Response, verdict: Verdict) -> None:
    assert read(OFFERS[customer], said).verdict is verdict


@pytest.mark.parametrize(
    ("customer", "said"),
    [
        ("native", answer(500, "oh")),
        ("native", answer(401, {"code": "authentication_failed"})),
        ("ozeki", answer(400, {"response_code": "BAD_REQUEST", "data": {"messages": []}})),
        ("mxtelecom", answer(403, "Username/Password incorrect\n8")),
    ],
)
def test_an_answer_that_is_not_about_our_trouble_is_kept(customer: str, said: Response) -> None:
    assert read(OFFERS[customer], said).odd
