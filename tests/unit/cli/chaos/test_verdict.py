"""The four ledgers of a fault run: each breach is seen, and nothing else is taken for one."""

from collections.abc import Sequence
from typing import Any

import pytest

from broker.cli.chaos.books import Books, Create, Entry, Record, Sample
from broker.cli.chaos.offers import Answer, Offer, Verdict
from broker.cli.chaos.roster import CUSTOMERS, Tongue
from broker.cli.chaos.sink import Told
from broker.cli.chaos.verdict import Judge, in_flight
from broker.domain.value import replace

NATIVE, STOPPER, OZEKI, MXTELECOM = CUSTOMERS
TO, MARKER, ID = "+12025550101", "c1-000001", "id-1"
TAKEN = Answer(verdict=Verdict.TAKEN, ids={TO: ID}, number="77")
REFUSED, UNKNOWN = Answer(verdict=Verdict.REFUSED), Answer(verdict=Verdict.UNKNOWN)


def entry(*answers: Answer, customer: Any = NATIVE) -> Entry:
    """Return what a customer was told of the one offer."""
    return Entry(offer=Offer(marker=MARKER, customer=customer, to=(TO,)), at=1.0, answers=list(answers))


def create(**changes: Any) -> Create:
    """Return a create request that the carrier took."""
    return replace(Create(at=2.0, message=ID, marker=MARKER, to=TO), **changes)


def record(**changes: Any) -> Record:
    """Return what the status API says in the end."""
    known = {"id": ID, "text": f"{MARKER} hello", "to": TO, "status": "delivered", "number": "77"}
    return {**known, "possible_duplicate": False, "attempts": [], **changes}


def told(**changes: Any) -> Told:
    """Return a callback that was heard."""
    known = Told(at=3.0, customer=NATIVE, about=ID, status="delivered", sequence=2, callback="call-1")
    return replace(known, **changes)


def books(**changes: Any) -> Books:
    """Return the books of one message that went well, but for the changes."""
    well = Books(entries=[entry(TAKEN)], creates=[create()], told=[told()], records=[record()], samples=[])
    return replace(well, **changes)


def found(**changes: Any) -> dict[str, int]:
    """Return how many cases of each breach are found, without those of which there are none."""
    return {name: len(cases) for name, cases in Judge(books(**changes)).breaches().items() if cases}


def samples(*statuses: str | None) -> Sequence[Sample]:
    """Return what was asked one after another."""
    return [Sample(asked_at=float(at), message=ID, status=each) for at, each in enumerate(statuses)]


def test_books_that_agree_hold_no_breach() -> None:
    assert found() == {}


@pytest.mark.parametrize("customer", [OZEKI, MXTELECOM], ids=lambda customer: customer.name)
def test_every_api_has_its_own_name_for_a_message_that_was_told(customer: Any) -> None:
    about = MARKER if customer.tongue is Tongue.OZEKI else "77"

    assert found(entries=[entry(TAKEN, customer=customer)], told=[told(customer=customer, about=about)]) == {}
    assert found(entries=[entry(TAKEN, customer=customer)], told=[]) == {"untold": 1}


def test_a_message_that_nobody_knows_is_lost() -> None:
    assert found(records=[], creates=[], told=[]) == {"lost": 1}


@pytest.mark.parametrize("status", ["accepted", "submitting", "submitted", "failed", "rejected", "expired"])
def test_a_message_that_did_not_get_there_is_lost(status: str) -> None:
    assert found(records=[record(status=status)])["lost"] == 1


def test_a_failure_is_an_end_for_a_customer_who_wants_no_repeats() -> None:
    ended = {"records": [record(status="failed")], "told": [told(customer=STOPPER, status="failed")]}

    assert found(entries=[entry(TAKEN, customer=STOPPER)], **ended) == {}


def test_a_delivery_of_what_the_carrier_never_had_is_a_loss() -> None:
    assert found(creates=[]) == {"lost": 1}


def test_an_id_that_was_once_not_found_is_a_loss() -> None:
    assert found(samples=samples(None)) == {"lost": 1}


def test_what_was_refused_each_time_must_not_be_sent() -> None:
    assert found(entries=[entry(REFUSED, REFUSED)], told=[]) == {"half_accepted": 1}


def test_an_answer_that_never_came_leaves_it_open() -> None:
    assert found(entries=[entry(UNKNOWN, REFUSED)], told=[]) == {}
    assert found(entries=[entry(UNKNOWN, REFUSED)], told=[], creates=[], records=[]) == {}


def test_a_repeat_is_shown_or_it_is_a_breach() -> None:
    twice = [create(), create(at=9.0)]

    assert found(creates=twice) == {"hidden_repeats": 1}
    assert found(creates=twice, records=[record(possible_duplicate=True)]) == {}


def test_a_repeat_for_who_wants_none_is_a_breach_however_open() -> None:
    changes = {"creates": [create(), create()], "records": [record(possible_duplicate=True)]}

    assert found(entries=[entry(TAKEN, customer=STOPPER)], **changes) == {"hidden_repeats": 1}


def test_what_nobody_asked_for_is_a_phantom() -> None:
    assert found(creates=[create(), create(marker="c1-999999", message="id-9")]) == {"phantoms": 1}
    assert found(creates=[create(), create(to="+12025550199", message="id-9")]) == {"phantoms": 1}


def test_what_was_sent_under_an_id_without_a_record_is_a_phantom_and_splits_its_key() -> None:
    assert found(creates=[create(), create(message="id-9")]) == {"phantoms": 1, "split_keys": 1}


def test_two_answers_with_two_ids_split_a_key() -> None:
    other = Answer(verdict=Verdict.TAKEN, ids={TO: "id-2"})

    assert found(entries=[entry(TAKEN, other)]) == {"split_keys": 1}


def test_two_records_of_one_key_split_it_though_only_one_was_sent() -> None:
    assert found(records=[record(), record(id="id-2")])["split_keys"] == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("delivered", "submitted"),
        ("submitted", "accepted"),
        ("delivered", "failed"),
        ("submitted", "retrying"),
    ],
)
def test_a_status_that_could_not_follow_went_backwards(before: str, after: str) -> None:
    assert found(samples=samples(before, after))["backwards"] >= 1


def test_statuses_may_be_missed_and_a_retry_may_come_again() -> None:
    seen = ("accepted", "submitting", "retrying", "submitting", "unknown", "retrying", "submitted")

    assert found(samples=samples(*seen)) == {}


def test_the_record_must_follow_what_was_seen_before_it() -> None:
    assert found(records=[record(status="submitted")], samples=samples("delivered"))["backwards"] == 1


def test_callbacks_are_read_in_the_order_of_their_numbers_however_they_came() -> None:
    early = told(status="submitted", sequence=1, callback="call-0", at=9.0)

    assert found(told=[told(), early]) == {}
    assert found(told=[told(), replace(early, sequence=3)])["backwards"] == 1


def test_one_status_under_two_callback_ids_is_a_breach() -> None:
    assert found(told=[told(), told(callback="call-2")]) == {"backwards": 1}
    assert found(told=[told(), told()]) == {}


def test_an_answer_that_no_api_gives_is_shown() -> None:
    odd = Answer(verdict=Verdict.UNKNOWN, odd="500 b'oh'")

    assert found(entries=[entry(odd, TAKEN)]) == {"odd_answers": 1}


def test_in_flight_is_what_had_begun_and_not_ended() -> None:
    tries = [("01", "02"), ("01", "05"), ("04", None), ("08", "09")]
    records = [record(attempts=[{"started_at": begun, "ended_at": ended}]) for begun, ended in tries]

    assert in_flight(records, "03", "06") == 2
