"""What workers and the scheduler show of what they did."""

import json

from prometheus_client.parser import text_string_to_metric_families

from broker.dispatch import Queue
from broker.domain.message import Priority
from broker.keyspace.census import look_from_thread
from broker.keyspace.client import open_sync
from broker.keyspace.schedule import Later
from broker.metrics.meter import Meter
from broker.services import events, figures, submit, sweep
from broker.services.standing import Standing
from broker.storage import accounts
from tests.integration.workers.carrier import Carrier
from tests.integration.workers.conftest import World
from tests.integration.workers.test_events import arrive

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(meter: Meter) -> Samples:
    """Return every sample of a page by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(meter.page().decode())
        for sample in family.samples
    }


def at(samples: Samples, name: str, **labels: str) -> float | None:
    """Return one sample."""
    return samples.get((name, frozenset(labels.items())))


def standing(world: World) -> Samples:
    """Return what every process shows of what all share."""
    meter = Meter("scheduler")
    one = Standing(meter, held=dict, sql=lambda: True)
    client = open_sync(world.settings.redis_url, world.settings)
    one.see(look_from_thread(client, ["bandwidth-1"]))
    client.close()
    return scrape(meter)


def test_submissions_are_counted_and_timed(world: World) -> None:
    world.admit(3)
    submit.take(world.runtime, Queue.SUBMIT)

    samples = scrape(world.runtime.meter)
    sent = {"connection": "bandwidth-1", "outcome": "sent", "code_class": "2xx"}
    assert at(samples, "broker_attempts_total", **sent) == 3
    assert at(samples, "broker_carrier_call_seconds_count", connection="bandwidth-1") == 3
    assert at(samples, "broker_end_to_end_seconds_count", type="sms") == 3
    assert (at(samples, "broker_sql_commit_seconds_count") or 0) >= 2
    assert (at(samples, "broker_redis_call_seconds_count") or 0) >= 3


def test_what_arrives_is_counted_once(world: World) -> None:
    inside = {"id": "c-1", "owner": "+12025550150", "direction": "in", "to": ["+12025550150"], "media": []}
    inside |= {"from": "+12025550101", "text": "Hi", "time": "2026-11-21T12:00:00.000Z", "segmentCount": 1}
    event = {"type": "message-received", "time": "2026-11-21T12:00:00.000Z", "to": "+12025550150"}
    body = {**event, "description": "in", "message": {**inside, "applicationId": "app-1"}}
    world.runtime.database.write(
        lambda sql: sql.exec_driver_sql("INSERT INTO inbound_numbers VALUES ('+12025550150', 'acme')")
    )
    world.runtime.directory.forget()
    for description in ("once", "and again, in other words"):
        arrive(world.settings, json.dumps([{**body, "description": description}]).encode())
        events.take(world.runtime)
    samples = scrape(world.runtime.meter)
    assert at(samples, "broker_messages_accepted_total", type="sms", direction="in") == 1


def test_what_is_tried_again_and_what_is_refused_is_counted_apart(world: World, carrier: Carrier) -> None:
    carrier.faults(errors={503: 1})
    world.admit()
    submit.take(world.runtime, Queue.SUBMIT)
    carrier.faults(errors={400: 1})
    world.admit()
    submit.take(world.runtime, Queue.SUBMIT)

    samples = scrape(world.runtime.meter)
    tried = {"connection": "bandwidth-1", "outcome": "not_sent", "code_class": "5xx"}
    refused = {"connection": "bandwidth-1", "outcome": "refused", "code_class": "4xx"}
    ended = {"type": "sms", "status": "rejected", "connection": "bandwidth-1"}
    assert at(samples, "broker_attempts_total", **tried) == 1
    assert at(samples, "broker_attempts_total", **refused) == 1
    assert at(samples, "broker_messages_final_total", **ended) == 1


def test_everything_that_waits_is_counted_once(world: World) -> None:
    world.admit(2)
    world.admit(1, priority=Priority.HIGH)
    assert _depth(standing(world)) == {("submit", "admitted"): 2, ("submit.high", "admitted"): 1}

    world.runtime.database.write(lambda sql: accounts.pause(sql, "bandwidth-1", now_ms=1, reason="a test"))
    world.runtime.directory.forget()
    for queue in (Queue.SUBMIT, Queue.SUBMIT_HIGH):
        submit.take(world.runtime, queue)
    figures.count(world.runtime)
    samples = standing(world)
    assert _depth(samples) == {("submit", "lane"): 2, ("submit.high", "lane"): 1}
    assert (at(samples, "broker_queue_oldest_seconds", queue="submit") or 0) > 0

    world.runtime.database.write(lambda sql: accounts.resume(sql, "bandwidth-1"))
    assert world.release() == 3
    figures.count(world.runtime)
    assert _depth(standing(world)) == {("submit", "admitted"): 2, ("submit.high", "admitted"): 1}


def test_what_waits_for_its_time_and_what_is_pushed_is_counted(world: World) -> None:
    world.runtime.schedule.add(
        Queue.SUBMIT, [Later(id=name, flow="0:a", due_at=2**42) for name in ("one", "two")]
    )
    world.runtime.ready.push(Queue.MEDIA, ["three"])
    assert _depth(standing(world)) == {("submit", "scheduled"): 2, ("media", "ready"): 1}


def test_rings_that_a_worker_holds_are_counted_by_their_queue(world: World) -> None:
    world.redis.hset("unacked", "tag", '[{"body": ""}, "", "callbacks"]')
    world.runtime.schedule.ring(Queue.CALLBACKS)
    found = standing(world)
    assert at(found, "broker_queue_depth", queue="callbacks", state="unacknowledged") == 1
    assert at(found, "broker_queue_depth", queue="callbacks", state="ring") == 1


def test_depth_is_absent_and_not_nought_while_redis_is_not_seen() -> None:
    meter = Meter("scheduler")
    Standing(meter, held=dict, sql=lambda: False)
    samples = scrape(meter)
    assert at(samples, "broker_redis_up") == 0
    assert at(samples, "broker_sql_up") == 0
    assert not [name for name, _ in samples if name.startswith("broker_queue")]


def test_a_sweep_is_counted(world: World) -> None:
    sweep.sweep(world.runtime)
    assert at(scrape(world.runtime.meter), "broker_sweep_seconds_count") == 1


def _depth(samples: Samples) -> dict[tuple[str, str], float]:
    """Return the work that waits, by queue and state; rings are no work."""
    found = {
        (dict(labels)["queue"], dict(labels)["state"]): value
        for (name, labels), value in samples.items()
        if name == "broker_queue_depth" and value
    }
    return {key: value for key, value in found.items() if key[1] not in ("ring", "unacknowledged")}
