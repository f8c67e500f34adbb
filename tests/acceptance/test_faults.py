"""A carrier that errs, and what the records say of it."""

import signal

import pytest

from broker.domain.status import ENDS, Status
from tests.acceptance.ledger import Ledger, creates
from tests.acceptance.load import Load
from tests.acceptance.stack import Stack

pytestmark = [pytest.mark.flaky_prone, pytest.mark.timeout(300)]


def test_evidence_within_the_hold_stops_the_resend(stack: Stack) -> None:
    stack.faults(accept_then_drop=0.3, event_delay_ms=20, seed=1)
    ledger = Ledger(stack, Load(stack, "evidence", 200).start())
    ledger.balance()
    assert ledger.repeated == {}
    assert set(ledger.statuses.values()) == {"delivered"}


def test_a_lost_answer_without_evidence_is_resent_and_the_record_says_so(stack: Stack) -> None:
    stack.faults(accept_then_drop=1, drop_events=1)
    load = Load(stack, "resend", 100).start()
    stack.until(lambda: creates(stack, load.label))
    stack.faults(event_delay_ms=20)
    ledger = Ledger(stack, load)
    ledger.balance()
    assert ledger.repeated
    for record in ledger.repeated.values():
        # Several answers of one message may be lost before the dial is turned back.
        *lost, last = [one["outcome"] for one in record["attempts"]]
        assert (set(lost), last) == ({"unknown"}, "sent")
        statuses = [event["status"] for event in record["events"] if event["status"] != "queued"]
        assert statuses[:5] == ["accepted", "submitting", "unknown", "retrying", "submitting"]


def test_an_account_that_wants_no_repeats_gets_a_failure_instead(stack: Stack) -> None:
    stack.faults(accept_then_drop=0.5, drop_events=1, seed=2)
    load = Load(stack, "stop", 100, account="stopper").start()
    ledger = Ledger(stack, load, ends=ENDS | {Status.SUBMITTED})
    ledger.balance()
    assert ledger.repeated == {}
    assert set(ledger.statuses.values()) == {"failed", "submitted"}


def test_refusals_that_pass_are_tried_again_and_nothing_is_sent_twice(stack: Stack) -> None:
    stack.faults(errors={"429": 0.2, "503": 0.2, "408": 0.1}, retry_after_s=0, event_delay_ms=20, seed=3)
    ledger = Ledger(stack, Load(stack, "refusals", 300).start())
    ledger.balance()
    assert ledger.repeated == {}
    assert set(ledger.statuses.values()) == {"delivered"}
    assert any(len(record["attempts"]) > 1 for record in ledger.records.values())


def test_a_carrier_in_pieces_is_survived(stack: Stack) -> None:
    stack.faults(
        errors={"429": 0.1, "500": 0.1, "503": 0.1},
        accept_then_drop=0.1,
        drop_before_accept=0.1,
        no_id=0.1,
        duplicate_events=0.3,
        reorder_events=0.3,
        latency_jitter_ms=100,
        event_delay_ms=20,
        html_errors=True,
        seed=4,
    )
    load = Load(stack, "pieces", 500).start()
    ledger = Ledger(stack, load, ends=ENDS)
    ledger.balance()
    assert set(ledger.statuses.values()) == {"delivered"}


def test_a_token_revoked_in_a_burst_is_renewed_once_and_no_message_notices(stack: Stack) -> None:
    stack.faults(latency_ms=50, event_delay_ms=20)
    load = Load(stack, "token", 1000, rate=500).start()
    load.told_at_least(300)
    before = stack.carrier("GET", "/sim/stats")["tokens"]["given"]
    stack.faults(latency_ms=50, event_delay_ms=20, revoke_tokens=True)
    ledger = Ledger(stack, load)
    ledger.balance()
    assert ledger.repeated == {}
    assert stack.carrier("GET", "/sim/stats")["tokens"]["given"] == before + 1
    assert all(len(record["attempts"]) == 1 for record in ledger.records.values())


def test_a_worker_told_to_end_finishes_its_work_and_repeats_nothing(stack: Stack) -> None:
    stack.faults(latency_ms=200, event_delay_ms=20)
    load = Load(stack, "term", 800, rate=400).start()
    load.told_at_least(300)
    told = stack.signal("worker", signal.SIGTERM)
    stack.until(lambda: stack.pid("worker") != told, within_s=40)
    ledger = Ledger(stack, load)
    ledger.balance()
    assert ledger.repeated == {}
    tries = [[(one["outcome"], one["error"]) for one in each["attempts"]] for each in ledger.records.values()]
    assert [each for each in tries if len(each) > 1] == []
