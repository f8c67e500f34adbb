"""How everything is, in a few lines of a terminal."""

from typing import Any

from broker.cli.status import told

LATENCY = {"p50_s": 0.01, "p95_s": 0.9, "p99_s": 2.0}
ROW: dict[str, Any] = {
    "name": "bandwidth-1",
    "state": "Ready",
    "reason": "",
    "mps": 500.0,
    "waiting": 0,
    "rate": 410.04,
    "failing": 0.002,
    "to_carrier": LATENCY,
}
FOUND: dict[str, Any] = {
    "window": "1h",
    "attention": [],
    "rates": {"accepted": 12.34, "sent": 12.0, "delivered": 11.0, "failed": 0.0},
    "to_carrier": LATENCY,
    "messages": {"out": {"delivered": 7, "failed": 1}, "in": {}},
    "counted_back_to": None,
    "queues": [{"queue": "submit", "waiting": {"ready": 3, "ring": 9}, "oldest_s": 4.06}],
    "connections": [ROW],
    "causes": [],
}


def test_all_is_well_in_a_few_lines() -> None:
    assert "\n".join(told(FOUND)).splitlines() == [
        "Nothing needs a person.",
        "",
        "flow     accepted 12.3/s  sent 12.0/s  delivered 11.0/s  failed 0.0/s  p95 0.90 s to the carrier",
        "out      delivered 7  failed 1  (of the last 1h)",
        "in       nothing  (of the last 1h)",
        "",
        "queues",
        "  submit        admitted 0  ready 3  lane 0  scheduled 0  oldest 4.1 s",
        "",
        "connections",
        "  bandwidth-1         Ready  410.0 of 500/s  0.2% of attempts fail  p95 0.90 s to the carrier",
    ]


def test_what_needs_a_person_comes_first_and_why_messages_failed_last() -> None:
    idle = {"rate": 0.0, "failing": None, "to_carrier": None, "mps": None, "waiting": 5}
    ill = {**ROW, **idle, "state": "Paused", "reason": "they asked"}
    lines = list(
        told(
            {
                **FOUND,
                "attention": [{"tone": "bad", "text": "bandwidth-1: Paused", "page": "/console/"}],
                "to_carrier": None,
                "window": "all",
                "connections": [ill],
                "causes": [{"status": "failed", "cause": "4470 gone", "messages": 3}],
            }
        )
    )
    assert lines[0] == "!  bandwidth-1: Paused"
    assert "Nothing needs a person." not in lines
    assert "out      delivered 7  failed 1" in lines
    assert "  bandwidth-1         Paused (they asked)  0.0/s  5 wait" in lines
    assert lines[-1] == "        3  failed  4470 gone"


def test_what_is_not_counted_yet_is_said() -> None:
    lines = list(told({**FOUND, "counted_back_to": "2026-11-15T03:00:00.000Z"}))
    assert "         of those made since 2026-11-15T03:00:00: older ones are still being counted" in lines
