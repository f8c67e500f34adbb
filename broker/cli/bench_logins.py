"""Measure what a password costs where an API key would do."""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from broker.cli.bench_cpu import used_s
from broker.cli.bench_door import ROUNDS, WARM_UP, door, load
from broker.cli.bench_flow import TooSlow
from broker.cli.bench_report import Figure
from broker.cli.bench_requests import mx_sends, ozeki_sends, sends, sends_by_password
from broker.cli.demo_account import ACCOUNT
from broker.cli.load import Make

MOMENTS = 4
"""In how many pieces a round is cut."""

_WAYS = {
    "basic": ("key", "Basic credentials, native API"),
    "ozeki_query": ("ozeki_key", "the password in the query, Ozeki"),
    "mxtelecom_query": ("mxtelecom_key", "the password in the query, MX Telecom"),
}
"""Each way to sign in, and that with an API key through the same API."""


def measure(path: Path, *, seconds: float) -> list[Figure]:
    """Return the accept rates of several ways to sign in, as shares of that with an API key through the same API.

    All are measured in turn, many times for a moment, there and back, and the median share counts: on a noisy machine
    a way and its key are measured as close to each other as can be.
    """
    with door(path) as (port, key, children):
        password = json.loads((path / "demo.key").read_text())["password"]
        ways: dict[str, Make] = {
            "key": sends(key),
            "basic": sends_by_password(ACCOUNT, password),
            "ozeki_key": ozeki_sends({}, key=key),
            "ozeki_query": ozeki_sends({"username": ACCOUNT, "password": password}),
            "mxtelecom_key": mx_sends({}, key=key),
            "mxtelecom_query": mx_sends({"user": ACCOUNT, "pass": password}),
        }
        for make in ways.values():
            load(port, make, seconds=5.0, count=WARM_UP)
        ingress = children["ingress"].pid or 0
        rounds = []
        for number in range(ROUNDS * MOMENTS):
            # A way comes before its key as often as after it: a machine that has just done something is slower.
            order = list(ways) if number % 2 else list(reversed(ways))
            turns = {way: _turn(port, ways[way], seconds=seconds / MOMENTS, ingress=ingress) for way in order}
            rounds.append(turns)
    return [_figure(way, rounds) for way in _WAYS]


class _Turn(NamedTuple):
    """Accepts a second, and the ingress's CPU time for one, in ms."""

    rate: float
    cpu_ms: float


def _turn(port: int, make: Make, *, seconds: float, ingress: int) -> _Turn:
    before = used_s(ingress)
    outcome = load(port, make, seconds=seconds)
    return _Turn(outcome.rate, (used_s(ingress) - before) * 1000 / max(outcome.good, 1))


def _figure(way: str, rounds: Sequence[Mapping[str, _Turn]]) -> Figure:
    keyed, what = _WAYS[way]
    shares = sorted(turns[way].rate / turns[keyed].rate for turns in rounds if turns[keyed].rate)
    if not shares:
        raise TooSlow(f"nothing was accepted with {what}, nor with an API key")
    cpu_ms = {name: statistics.median(turns[name].cpu_ms for turns in rounds) for name in (keyed, way)}
    return Figure(
        name=f"{way}_ratio",
        what=f"accepts with {what}, over those with an API key there",
        value=statistics.median(shares),
        at_least=0.9,
        # CPU tells what the ratio would be on a machine that nobody else uses.
        detail={
            "ratios": [round(share, 3) for share in shares],
            "accepts_per_s": [round(turns[way].rate) for turns in rounds],
            "with_a_key_per_s": [round(turns[keyed].rate) for turns in rounds],
            "native_per_s": [round(turns["key"].rate) for turns in rounds],
            "ingress_cpu_ms": {name: round(each, 4) for name, each in cpu_ms.items()},
        },
    )
