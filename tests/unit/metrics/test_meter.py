"""Counts of a process, and the page that shows them."""

import http.client
import threading

import pytest

from broker.metrics.listener import Listener
from broker.metrics.measure import counter, gauge, histogram
from broker.metrics.meter import Meter

DONE = counter("broker_done", "Things that were done.", "how", start=("well",))
TOOK = histogram("broker_took_seconds", "How long they took.", "how", bounds=(0.1, 1.0))
LEFT = gauge("broker_left", "What is left.")


def lines(meter: Meter) -> list[str]:
    return meter.page().decode().splitlines()


def test_what_may_happen_is_shown_before_it_does() -> None:
    page = lines(Meter("worker", (DONE, TOOK, LEFT)))
    assert 'broker_done_total{how="well"} 0.0' in page
    assert {"# TYPE broker_took_seconds histogram", "# TYPE broker_left gauge"} <= set(page)
    assert any(line.startswith('broker_build_info{role="worker"') for line in page)
    assert any(line.startswith("process_cpu_seconds_total ") for line in page)


def test_times_fall_into_buckets_that_add_up() -> None:
    meter = Meter("worker")
    meter.times(TOOK, ((("well",), seconds) for seconds in (0.1, 0.5, 7.0)))
    page = lines(meter)
    assert 'broker_took_seconds_bucket{how="well",le="0.1"} 1.0' in page
    assert 'broker_took_seconds_bucket{how="well",le="1.0"} 2.0' in page
    assert 'broker_took_seconds_bucket{how="well",le="+Inf"} 3.0' in page
    assert 'broker_took_seconds_sum{how="well"} 7.6' in page


def test_threads_lose_no_count() -> None:
    meter = Meter("worker")

    def work() -> None:
        for _ in range(5000):
            meter.count(DONE, "well")
            meter.add(DONE, {("ill",): 2})

    threads = [threading.Thread(target=work) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    page = lines(meter)
    assert 'broker_done_total{how="well"} 40000.0' in page
    assert 'broker_done_total{how="ill"} 80000.0' in page


def test_a_block_is_timed_however_it_ends() -> None:
    meter = Meter("worker")
    with pytest.raises(ZeroDivisionError), meter.timing(TOOK, "ill"):
        raise ZeroDivisionError
    assert 'broker_took_seconds_count{how="ill"} 1.0' in lines(meter)


def test_a_page_is_served_at_its_path_and_nowhere_else() -> None:
    meter = Meter("worker", (DONE,))
    listener = Listener(meter.page, host="127.0.0.1", port=0)
    try:
        client = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=10)
        answers = []
        for path in ("/metrics", "/metrics?x=1", "/", "/metrics/x"):
            client.request("GET", path)
            answer = client.getresponse()
            answers.append((answer.status, b"broker_done_total" in answer.read()))
            client.close()
    finally:
        listener.close()
    assert answers == [(200, True), (200, True), (404, False), (404, False)]


def test_a_port_that_is_taken_is_an_error() -> None:
    listener = Listener(Meter("worker").page, host="127.0.0.1", port=0)
    try:
        with pytest.raises(OSError, match="in use"):
            Listener(Meter("worker").page, host="127.0.0.1", port=listener.port)
    finally:
        listener.close()
