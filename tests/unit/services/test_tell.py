"""In whose words a customer is told."""

import pytest

from broker.directory import Snapshot
from broker.domain.account import CallbackPlan
from broker.domain.status import Status
from broker.services.tell import dialect_of
from broker.storage.callbacks import Due
from tests.factories import NOW, make_message

OWN, ACCOUNTS = "http://customer.example/own?id=$messageid", "http://customer.example/all"


@pytest.mark.parametrize(
    ("plan", "sent_by", "own", "url", "words"),
    [
        ("native", "ozeki", OWN, OWN, "ozeki"),
        ("native", "ozeki", None, ACCOUNTS, "native"),
        ("ozeki", "native", None, ACCOUNTS, "ozeki"),
        ("ozeki", "native", OWN, OWN, "ozeki"),
        ("native", "native", OWN, OWN, "native"),
        (None, "ozeki", OWN, OWN, "ozeki"),
        (None, "unheard-of", OWN, OWN, "native"),
    ],
)
def test_a_url_of_a_messages_own_is_told_in_the_words_the_message_came_in(
    plan: str | None, sent_by: str, own: str | None, url: str, words: str
) -> None:
    plans = {} if plan is None else {"acme": CallbackPlan(url=ACCOUNTS, dialect=plan)}
    known = Snapshot(providers={}, routes={}, owners={}, policies={}, callbacks=plans)
    due = Due(
        id="a_submitted",
        message_id="a",
        seq=1,
        account="acme",
        status=Status.SUBMITTED,
        detail="",
        at=NOW,
        url=url,
        endpoint="acme customer.example",
        attempts=1,
        ends_at=0,
    )
    assert dialect_of(known, make_message(dialect=sent_by, callback_url=own), due).name == words
