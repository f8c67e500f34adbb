"""Counts of the ingress."""

from broker.dispatch import Queue
from broker.ingress.metrics import Meter
from broker.keyspace.circuits import Circuit


class Seen:
    """What a pressure that has looked says."""

    depth = {Queue.SUBMIT: 3}  # noqa: RUF012  a stand-in
    outbox = {Queue.SUBMIT: 5}  # noqa: RUF012  a stand-in
    oldest_s = {Queue.SUBMIT: 1.5}  # noqa: RUF012  a stand-in
    memory_share = 0.25
    callbacks = {"owed": 2}  # noqa: RUF012  a stand-in
    circuits = {  # noqa: RUF012  a stand-in
        "well": Circuit(failures=4),
        "broken": Circuit(failures=5, until=1),
        "tried": Circuit(failures=9, until=1, probing=True),
    }


def page(meter: Meter) -> list[str]:
    return meter.page().decode().splitlines()


def test_times_are_counted_in_buckets_that_add_up() -> None:
    meter = Meter(Seen())  # type: ignore[arg-type]  # all it asks of it
    for seconds in (0.0005, 0.001, 0.003, 0.2, 99.0):
        meter.answered("/v1/messages", "POST", 202, seconds)
    lines = page(meter)
    assert 'broker_http_request_seconds_bucket{le="0.001",route="/v1/messages"} 2.0' in lines
    assert 'broker_http_request_seconds_bucket{le="0.005",route="/v1/messages"} 3.0' in lines
    assert 'broker_http_request_seconds_bucket{le="10.0",route="/v1/messages"} 4.0' in lines
    assert 'broker_http_request_seconds_bucket{le="+Inf",route="/v1/messages"} 5.0' in lines
    assert 'broker_http_request_seconds_count{route="/v1/messages"} 5.0' in lines
    assert 'broker_http_requests_total{method="POST",route="/v1/messages",status="202"} 5.0' in lines


def test_what_happened_is_counted_by_its_labels() -> None:
    meter = Meter(Seen())  # type: ignore[arg-type]  # all it asks of it
    for verdict in ("taken", "taken", "spooled"):
        meter.count("broker_webhook_in", "Webhooks.", connection="c", verdict=verdict)
    lines = page(meter)
    assert 'broker_webhook_in_total{connection="c",verdict="taken"} 2.0' in lines
    assert 'broker_webhook_in_total{connection="c",verdict="spooled"} 1.0' in lines


def test_the_depth_of_redis_is_told() -> None:
    lines = page(Meter(Seen()))  # type: ignore[arg-type]  # all it asks of it
    assert 'broker_queue_depth{queue="submit",state="ready"} 3.0' in lines
    assert 'broker_queue_depth{queue="submit",state="unrecorded"} 5.0' in lines
    assert 'broker_queue_oldest_seconds{queue="submit"} 1.5' in lines
    assert "broker_redis_memory_share 0.25" in lines


def test_the_circuits_of_connections_are_told() -> None:
    lines = page(Meter(Seen()))  # type: ignore[arg-type]  # all it asks of it
    assert 'broker_circuit_state{connection="well"} 0.0' in lines
    assert 'broker_circuit_state{connection="tried"} 1.0' in lines
    assert 'broker_circuit_state{connection="broken"} 2.0' in lines
