"""The state table says what DESIGN section 6 says."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.status import ENDS, REPORTS, TRANSITIONS, Event, Status, advance, is_late, sources

FAILURES = (Event.MISS, Event.EXPIRE, Event.UNCONFIRM)
HARMLESS = (Event.RECEIPT, Event.HAND_OFF, Event.DELIVER, Event.OPEN)


def run(events: tuple[Event, ...], start: Status = Status.SUBMITTING) -> Status:
    status = start
    for event in events:
        status = advance(status, event) or status
    return status


@given(
    st.lists(st.sampled_from(HARMLESS), min_size=1),
    st.sampled_from([None, *FAILURES]),
    st.sampled_from([Status.SUBMITTING, Status.UNKNOWN]),
    st.randoms(use_true_random=False),
)
def test_any_order_and_repetition_of_a_set_of_reports_ends_in_the_same_state(
    events: list[Event], failure: Event | None, start: Status, random: object
) -> None:
    once = [*dict.fromkeys(events), *([failure] if failure else [])]
    ends = {run(order, start) for order in itertools.permutations(once)}
    assert len(ends) == 1
    repeated = [*once, *events]
    random.shuffle(repeated)  # type: ignore[attr-defined]
    assert run(tuple(repeated), start) in ends


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(FAILURES, 2)))
def test_of_two_contradicting_failures_the_first_stands(first: Event, second: Event) -> None:
    assert run((first, second)) is REPORTS[first]


@pytest.mark.parametrize("end", [Status.UNDELIVERED, Status.EXPIRED, Status.FAILED, Status.UNCONFIRMED])
def test_handset_evidence_corrects_an_end_and_is_marked_late(end: Status) -> None:
    assert advance(end, Event.DELIVER) is Status.DELIVERED
    assert is_late(end, Event.DELIVER)


def test_a_late_failure_does_not_undo_delivery() -> None:
    assert all(advance(Status.DELIVERED, failure) is None for failure in FAILURES)
    assert all(advance(Status.READ, event) is None for event in Event)


def test_late_evidence_stops_a_resend() -> None:
    for event in (Event.RECEIPT, *REPORTS):
        assert advance(Status.RETRYING, event) not in (None, Status.SUBMITTING)


def test_only_waiting_messages_can_be_claimed() -> None:
    waiting = {Status.ACCEPTED, Status.SCHEDULED, Status.QUEUED, Status.RETRYING}
    assert set(sources(Event.CLAIM)) == waiting


def test_a_refusal_after_the_carrier_has_it_changes_nothing() -> None:
    for status in (Status.SUBMITTED, Status.RELAYED, Status.UNKNOWN, *ENDS):
        assert advance(status, Event.REFUSE) is None


def test_no_transition_leads_back_to_itself() -> None:
    assert all(before is not after for (before, _), after in TRANSITIONS.items())


def test_nothing_cancels_or_expires_what_is_on_its_way_out_by_our_own_clock() -> None:
    assert advance(Status.SUBMITTING, Event.CANCEL) is None
    assert advance(Status.SUBMITTED, Event.CANCEL) is None


def test_every_open_outbound_state_can_come_to_an_end() -> None:
    reachable = set(ENDS)
    for _ in Status:
        reachable |= {before for (before, _), after in TRANSITIONS.items() if after in reachable}
    assert reachable == set(Status) | reachable
    assert not set(Status) - reachable
