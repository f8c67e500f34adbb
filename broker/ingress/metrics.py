"""What the ingress counts."""

from bisect import bisect_left
from collections.abc import Iterable

from prometheus_client.core import Metric

from broker.metrics.measure import counter, gauge, histogram
from broker.metrics.measures import ACCEPTED, BUILD, FINAL, SQL_COMMITS, SQL_ERRORS, SQL_WAITING
from broker.metrics.meter import Labels, family, histogram_family
from broker.metrics.meter import Meter as Plain

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = counter("broker_http_requests", "Requests answered.", "route", "method", "status")
REQUEST_TIMES = histogram("broker_http_request_seconds", "Time to answer.", "route", bounds=BUCKETS_S)
IDEMPOTENCY = counter("broker_idempotency", "Requests with a key used before.", "result")
WEBHOOK_IN = counter("broker_webhook_in", "Webhooks by what became of them.", "connection", "verdict")
PASSWORDS = counter("broker_passwords", "Passwords that were looked at, or not.", "result")
REFUSED = counter("broker_connections_refused", "Connections over the limit.")
SPOOL_BYTES = gauge("broker_spool_bytes", "Webhooks on this machine's disk that Redis does not have yet.")
CERTIFICATE_ENDS = gauge(
    "broker_certificate_ends_seconds", "Unix time at which the certificate of the HTTPS listener ends."
)

INGRESS = (
    BUILD, WEBHOOK_IN, PASSWORDS, REFUSED, FINAL, SQL_COMMITS, SQL_ERRORS, SQL_WAITING, SPOOL_BYTES, CERTIFICATE_ENDS,
)  # fmt: skip


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods that have a name in the metrics: strangers know some thirty more."""


class Meter(Plain):
    """A meter with plain dictionaries for the hot path, which has the loop to itself: it needs no lock.

    Labels are route templates, methods and words of our own: never a tenant, a number, an id or a raw path.
    """

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._answers: dict[str, list[float]] = {}
        self._accepted = {"sms": 0, "mms": 0}
        self._replayed = 0
        self._reused = 0
        super().__init__("ingress", INGRESS)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer; the last two places of a route's times hold how many there were and their sum."""
        key = (route, method, status)
        self._requests[key] = self._requests.get(key, 0) + 1
        times = self._answers.get(route)
        if times is None:
            times = self._answers[route] = [0.0] * (len(BUCKETS_S) + 2)
        times[bisect_left(BUCKETS_S, seconds)] += 1
        times[-1] += seconds

    def accepted(self, kind: str, messages: int, *, replayed: bool) -> None:
        """Count the messages of a request that were taken ("sms" or "mms"), or one that had been taken before."""
        if replayed:
            self._replayed += 1
        else:
            self._accepted[kind] += messages

    def reused(self) -> None:
        """Count a request whose key had been used for another."""
        self._reused += 1

    def collect(self) -> Iterable[Metric]:
        """Return the metrics as they stand."""
        requests: dict[Labels, float] = {}
        for (route, method, status), number in self._requests.items():
            key = (route, method if method in METHODS else "other", str(status))
            requests[key] = requests.get(key, 0) + number
        yield family(REQUESTS, requests)
        yield histogram_family(REQUEST_TIMES, {(route,): row for route, row in self._answers.items()})
        yield family(ACCEPTED, {(kind, "out"): number for kind, number in self._accepted.items()})
        yield family(IDEMPOTENCY, {("replayed",): self._replayed, ("conflict",): self._reused})
        yield from super().collect()
