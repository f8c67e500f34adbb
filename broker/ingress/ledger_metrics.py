"""What metrics tell of the ledger and of dead letters."""

from collections.abc import Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily, Metric

from broker.domain.dead import Kind


def books_of(figures: Mapping[str, int], *, now_ms: float) -> Iterator[Metric]:
    """Return what the last check of the ledger found, and how many dead letters wait."""
    yield GaugeMetricFamily(
        "broker_ledger_difference",
        "Accepted messages that are nowhere, or that nobody counted, in the last 48 hours.",
        figures.get("ledger_difference", 0),
    )
    places = GaugeMetricFamily(
        "broker_ledger_messages", "Messages of the last 48 hours by where they are.", labels=["place"]
    )
    for place in ("accepted", "waiting", "in_flight", "final", "parked"):
        places.add_metric([place], figures.get(f"ledger_{place}", 0))
    yield places
    checked_ms = figures.get("ledger_checked_ms", 0)
    if checked_ms:  # absent until there was a check, so that nobody takes silence for balance
        yield GaugeMetricFamily(
            "broker_ledger_age_seconds",
            "Time since the ledger was checked.",
            max((now_ms - checked_ms) / 1000, 0),
        )
    letters = GaugeMetricFamily(
        "broker_dead_letters", "Work set aside that waits for somebody.", labels=["kind"]
    )
    for kind in Kind:
        letters.add_metric([kind], figures.get(f"dead_{kind}", 0))
    yield letters
