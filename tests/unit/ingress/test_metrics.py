"""Counts of the ingress."""

from broker.ingress.metrics import WEBHOOK_IN, Meter


def page(meter: Meter) -> list[str]:
    return meter.page().decode().splitlines()


def test_times_are_counted_in_buckets_that_add_up() -> None:
    meter = Meter()
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
    meter = Meter()
    for verdict in ("taken", "taken", "spooled"):
        meter.count(WEBHOOK_IN, "c", verdict)
    lines = page(meter)
    assert 'broker_webhook_in_total{connection="c",verdict="taken"} 2.0' in lines
    assert 'broker_webhook_in_total{connection="c",verdict="spooled"} 1.0' in lines
