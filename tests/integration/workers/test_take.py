"""Takes: each message is submitted once, whatever is popped, dropped, put back or poisonous."""

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from broker.dispatch import Queue
from broker.domain.dead import Letters
from broker.domain.message import Priority
from broker.domain.status import Status
from broker.domain.value import replace
from broker.keyspace import keys
from broker.services import roaming, submit, sweep
from broker.services.claim import claim
from broker.services.openings import Openings
from broker.storage import dead
from tests.integration.workers.carrier import Carrier, until
from tests.integration.workers.conftest import World


def outbox(world: World) -> list[str]:
    return list(world.redis.zrange(keys.outbox(Queue.SUBMIT), 0, -1))


def test_a_take_submits_what_was_admitted_and_leaves_redis_clean(world: World, carrier: Carrier) -> None:
    ids = world.admit(5)
    submit.take(world.runtime, Queue.SUBMIT)
    assert sorted(carrier.tags()) == sorted(f"{one}.1" for one in ids)
    assert {world.status(one) for one in ids} == {Status.SUBMITTED}
    record = world.record(ids[0])
    assert record.message.provider_ref
    assert [(one.number, one.outcome, one.http_status) for one in record.attempts] == [(1, "sent", 202)]
    assert world.redis.keys("msg:*") == outbox(world) == []
    assert not world.redis.exists(keys.taken(Queue.SUBMIT))


def test_urgent_messages_have_their_own_queue(world: World, carrier: Carrier) -> None:
    (one,) = world.admit(priority=Priority.HIGH)
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == []
    submit.take(world.runtime, Queue.SUBMIT_HIGH)
    assert carrier.tags() == [f"{one}.1"]


def test_beside_a_crowd_a_message_of_another_account_goes_out_without_it(
    open_world: Callable[..., World], carrier: Carrier
) -> None:
    world = open_world(take_size=5)
    world.admit(30)
    submit.take(world.runtime, Queue.SUBMIT)
    crowd = carrier.tags()
    (quiet,) = world.admit(account="stopper")
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == [*crowd, f"{quiet}.1"]
    until(lambda: submit.take(world.runtime, Queue.SUBMIT) or len(carrier.tags()) == 31)


def test_a_take_of_nothing_does_nothing(world: World, carrier: Carrier) -> None:
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == []


def test_a_group_is_submitted_once_for_all_its_members(world: World, carrier: Carrier) -> None:
    ids = world.admit_group(3)
    submit.take(world.runtime, Queue.SUBMIT)
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == [f"{world.record(ids[0]).message.batch}.1"]
    assert {world.status(one) for one in ids} == {Status.SUBMITTED}
    assert world.redis.keys("msg:*") == []


@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(again=st.lists(st.integers(0, 4), max_size=12), threads=st.integers(1, 4))
def test_ids_taken_any_number_of_times_at_once_are_submitted_once(
    world: World, carrier: Carrier, again: list[int], threads: int
) -> None:
    carrier.clear()
    ids = world.admit(5)
    for index in again:
        world.redis.lpush(keys.ready(Queue.SUBMIT), ids[index])

    def work() -> None:
        for _ in range(3):
            submit.take(world.runtime, Queue.SUBMIT)
            world.redis.lpush(keys.ready(Queue.SUBMIT), *ids)

    crew = [threading.Thread(target=work) for _ in range(threads)]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    assert Counter(carrier.tags()) == Counter(f"{one}.1" for one in ids)
    assert {world.status(one) for one in ids} == {Status.SUBMITTED}


def test_an_id_that_a_crash_dropped_after_the_pop_is_put_back_and_delivered(
    world: World, carrier: Carrier
) -> None:
    (one,) = world.admit()
    world.runtime.ready.pop(Queue.SUBMIT, 10)  # and then the worker died
    until(lambda: world.runtime.schedule.put_back(Queue.SUBMIT))
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == [f"{one}.1"]
    assert outbox(world) == []


def take_until(world: World, enough: Callable[[], bool]) -> None:
    """Take and put back, as workers and the scheduler do, whatever the takes raise."""

    def turn() -> bool:
        world.runtime.schedule.put_back(Queue.SUBMIT)
        with suppress(ValueError, KeyError):  # what a poisonous message raises
            submit.take(world.runtime, Queue.SUBMIT)
        return enough()

    until(turn)


def test_poisonous_messages_end_up_alone_and_their_neighbours_are_delivered(
    world: World, carrier: Carrier
) -> None:
    ids = world.admit(7)
    poison = {ids[0], ids[3], ids[6]}
    for one in poison:
        world.redis.set(keys.content(one), b"not what was written")
    take_until(world, lambda: len(carrier.tags()) == 4)
    assert sorted(carrier.tags()) == sorted(f"{one}.1" for one in ids if one not in poison)
    take_until(world, lambda: not outbox(world))
    found, _ = world.runtime.database.read(lambda sql: dead.page(sql, Letters(), after=None, limit=9))
    assert {letter.subject for letter in found} == poison, "kept for people to look at"


def test_a_take_that_has_no_time_left_sends_nothing(
    open_world: Callable[..., World], carrier: Carrier
) -> None:
    world = open_world(lease_s=0.001)
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert carrier.tags() == []
    assert world.record(one).attempts[0].outcome == "not_sent"
    assert world.status(one) is Status.RETRYING
    assert not world.record(one).message.possible_duplicate, "it was certainly not sent"


def test_a_crash_after_the_claim_is_an_unknown_outcome_that_is_resent_and_marked(
    open_world: Callable[..., World], carrier: Carrier
) -> None:
    world = open_world(lease_s=0.05)
    runtime = world.runtime
    (one,) = world.admit()
    popped = runtime.ready.pop(Queue.SUBMIT, 10)
    job = partial(
        claim,
        ids=popped.ids,
        admitted=runtime.ready.messages(popped.ids),
        known=runtime.directory.look(),
        now_ms=popped.now_ms,
        settings=world.settings,
        openings=Openings(),
    )
    assert len(runtime.database.write(job).submissions) == 1  # and then the worker died
    until(lambda: runtime.schedule.put_back(Queue.SUBMIT))
    submit.take(runtime, Queue.SUBMIT)
    assert carrier.tags() == [], "it is another worker's until the lease ends"
    slow = replace(runtime, settings=world.settings.model_copy(update={"lease_s": 60}))

    def resent() -> bool:
        sweep.sweep(slow)
        submit.take(slow, Queue.SUBMIT)
        return world.status(one) is Status.SUBMITTED

    until(resent)
    record = world.record(one)
    assert carrier.tags() == [f"{one}.2"]
    assert [event.status for event in record.events] == [
        "accepted", "submitting", "unknown", "retrying", "submitting", "submitted",
    ]  # fmt: skip
    assert record.message.possible_duplicate


def test_an_answer_that_was_lost_is_resent_after_the_hold_and_marked(world: World, carrier: Carrier) -> None:
    carrier.faults(accept_then_drop=1)
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.UNKNOWN
    carrier.faults()

    def resent() -> bool:
        sweep.sweep(world.runtime)
        submit.take(world.runtime, Queue.SUBMIT)
        return world.status(one) is Status.SUBMITTED

    until(resent)
    assert carrier.tags() == [f"{one}.1", f"{one}.2"]
    assert world.record(one).message.possible_duplicate


def test_an_answer_that_was_lost_ends_in_failure_where_the_account_wants_no_repeats(
    world: World, carrier: Carrier
) -> None:
    carrier.faults(accept_then_drop=1)
    (one,) = world.admit(account="stopper")
    submit.take(world.runtime, Queue.SUBMIT)

    def swept() -> bool:
        sweep.sweep(world.runtime)
        return world.status(one, "stopper") is Status.FAILED

    until(swept)
    assert carrier.tags() == [f"{one}.1"]


def test_a_refusal_that_passes_is_tried_again_when_it_is_due(world: World, carrier: Carrier) -> None:
    carrier.faults(next_statuses=[503, 429])
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    assert world.status(one) is Status.RETRYING
    assert world.redis.zrange(keys.schedule(Queue.SUBMIT), 0, -1) == [f"{one} 0:+12025550150"]

    def sent() -> bool:
        world.runtime.schedule.move_due(Queue.SUBMIT)
        world.release()
        submit.take(world.runtime, Queue.SUBMIT)
        return world.status(one) is Status.SUBMITTED

    until(sent)
    record = world.record(one)
    assert [try_.outcome for try_ in record.attempts] == ["not_sent", "not_sent", "sent"]
    assert carrier.tags() == [f"{one}.3"]
    assert not record.message.possible_duplicate


def test_what_redis_forgot_of_the_schedule_is_found_in_sql(world: World, carrier: Carrier) -> None:
    carrier.faults(next_statuses=[503])
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    world.redis.flushdb()

    def sent() -> bool:
        sweep.sweep(world.runtime)
        submit.take(world.runtime, Queue.SUBMIT)
        return world.status(one) is Status.SUBMITTED

    until(sent)
    assert carrier.tags() == [f"{one}.2"]


def test_a_sweep_that_runs_twice_moves_nothing_twice(world: World, carrier: Carrier) -> None:
    carrier.faults(accept_then_drop=1)
    (one,) = world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    crew = [threading.Thread(target=sweep.sweep, args=(world.runtime,)) for _ in range(4)]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    assert Counter(event.type for event in world.record(one).events)["resend"] == 1


def test_what_waits_for_its_turn_does_not_keep_the_sweep_from_the_rest(
    world: World, carrier: Carrier
) -> None:
    carrier.faults(errors={"429": 1})
    waiting = world.admit(roaming.MOST)
    submit.take(world.runtime, Queue.SUBMIT)
    waiting += world.admit(10, originator="+12025550152")  # each sender is slowed
    submit.take(world.runtime, Queue.SUBMIT)
    carrier.faults(accept_then_drop=1)
    (lost,) = world.admit(originator="+12025550151")  # the other is slowed
    submit.take(world.runtime, Queue.SUBMIT)

    def swept() -> bool:
        sweep.sweep(world.runtime)  # the others are due first, and nobody takes them
        return world.status(lost) is Status.RETRYING

    until(swept)
    assert {world.status(one) for one in waiting[::40]} == {Status.RETRYING}


def test_a_revoked_token_is_renewed_once_for_a_whole_take(world: World, carrier: Carrier) -> None:
    world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    before = carrier.tokens_given()
    carrier.faults(revoke_tokens=True)
    ids = world.admit(100)
    submit.take(world.runtime, Queue.SUBMIT)
    assert {world.status(one) for one in ids} == {Status.SUBMITTED}
    assert all(len(world.record(one).attempts) == 1 for one in ids)
    assert carrier.tokens_given() == before + 1
