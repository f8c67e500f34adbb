"""The shapes of the overview's charts."""

from datetime import UTC, datetime, timedelta

from broker.console import curves
from broker.services.charts import Point
from broker.services.pulse import Latency

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def point(place: int, **known: object) -> Point:
    at = AT + timedelta(minutes=place)
    return Point(at=at, until=at + timedelta(minutes=1), **known)  # type: ignore[arg-type]


def test_a_curve_is_broken_where_nothing_is_known_and_one_point_is_a_dot() -> None:
    found = curves.curves({"one": [1.0, 2.0, None, 0.0], "other": [None, None, None, 4.0]})
    assert found.most == 4.0
    assert found.paths == {"one": "M5 76.0h0L15 52.0M35 100.0h0", "other": "M35 4.0h0"}


def test_throughput_is_told_a_second_and_latency_in_three_curves() -> None:
    points = [point(0), point(1, made=120, sent=60, good=60, bad=0)]
    found = curves.throughput(points, AT + timedelta(hours=1))
    assert (found.most, list(found.paths)) == (2.0, ["made", "sent", "good", "bad"])
    assert curves.throughput(points, AT + timedelta(seconds=90)).most == 4.0, "half of the minute is over"
    assert curves.throughput(points, AT + timedelta(seconds=65)).paths["made"] == ""
    waits = curves.latency([point(0, latency=Latency(p50=1, p95=2, p99=4, number=9))])
    assert waits.paths == {"p50": "M5 76.0h0", "p95": "M5 52.0h0", "p99": "M5 4.0h0"}


def test_what_waits_is_put_upon_each_other() -> None:
    found = curves.depth(
        [point(0), point(1, depth={"submit": 30, "media": 10, "sweeps": 0}), point(2, depth={})]
    )
    assert (found.names, found.most) == (["media", "submit"], 40)
    assert [(one.name, one.x, one.y, one.height) for one in found.pieces] == [
        ("media", 10, 75.0, 25.0),
        ("submit", 10, 0.0, 75.0),
    ]


def test_nothing_known_is_drawn_as_nothing() -> None:
    assert curves.latency([point(0)]).paths == {"p50": "", "p95": "", "p99": ""}
    assert curves.depth([point(0)]).pieces == []
