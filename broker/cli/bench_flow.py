"""Measure the whole way of a message: through a running stack to the simulator, and its report back."""

import json
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import uvloop

from broker.cli import bench_cpu
from broker.cli.bench_report import Figure
from broker.cli.bench_requests import posts, sends
from broker.cli.client import Api
from broker.cli.folder import Folder
from broker.cli.load import Outcome, closed, opened
from broker.domain.ids import new_id
from broker.domain.status import Status
from broker.storage import counts
from broker.storage.database import Database

CONNECTIONS = 64
PACE = 50
_DRAIN_WITHIN_S = 60.0
_SEND_WITHIN_S = 60.0
_PAGE = 10_000
_GONE_ON = (Status.SUBMITTED, Status.RELAYED, Status.DELIVERED)


class TooSlow(Exception):
    """A phase did not end in its time; the text says how far it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One phase: what was sent, how long it took until all was where it should be, and the CPU of each role."""

    outcome: Outcome
    ids: tuple[str, ...]
    wall_s: float
    used_s: dict[str, float]

    @property
    def rate(self) -> float:
        """Messages a second, from the first request to the last row."""
        return len(self.ids) / self.wall_s

    def detail(self) -> dict[str, Any]:
        """Return what the figures are made of."""
        per_message = {role: round(s * 1000 / len(self.ids), 4) for role, s in self.used_s.items()}
        return {
            "messages": len(self.ids),
            "wall_s": round(self.wall_s, 3),
            "accepts_per_s": round(self.outcome.rate),
            "refused": self.outcome.sent - self.outcome.good,
            "cpu_ms_by_role": per_message,
            "load_cpu_ms": round(self.outcome.cpu_s * 1000 / len(self.ids), 4),
        }


class Flow:
    """The phases, on one running stack."""

    def __init__(self, folder: Folder, supervisor: int) -> None:
        found = folder.read_endpoints()
        self._processes = {**found["processes"], "supervisor": [supervisor]}
        self._port = urlsplit(found["ingress"]).port or 0
        self._key = (folder.path / "client.key").read_text().strip()
        self._simulator = Api(found["simulator"])
        self._database = Database(found["database"])
        self._document = tomllib.loads((folder.path / "demo.toml").read_text())
        self._accepted: list[str] = []

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def warm_up(self, count: int = 300) -> None:
        """Let every process have done its work once."""
        self._dial(drop_events=1)
        self._submit(count)

    def throughput(self, count: int, *, latency_ms: int) -> list[Figure]:
        """Send as fast as is taken, and wait until all are `submitted` in SQL."""
        self._dial(drop_events=1, latency_ms=latency_ms)
        run = self._submit(count)
        ours = sum(spent for role, spent in run.used_s.items() if role != "simulator")
        figures = [
            Figure(
                name=f"submitted_per_s_{latency_ms}ms",
                what=f"HTTP in to submitted, carrier answers in {latency_ms} ms",
                value=run.rate,
                unit="/s",
                at_least=1500 if latency_ms else None,
                detail=run.detail(),
            )
        ]
        if not latency_ms:
            cpu = Figure(
                name="cpu_ms_per_message",
                what="CPU per message, all processes, HTTP in to submitted",
                value=ours * 1000 / len(run.ids),
                unit="ms",
                at_most=0.7,
                detail=run.detail()["cpu_ms_by_role"],
            )
            figures.append(cpu)
        return figures

    def pace(self, count: int) -> list[Figure]:
        """Send at a steady rate, and look when each reached the carrier."""
        self._dial(drop_events=1)
        after = self._journal_end()
        run = self._submit(count, rate=PACE)
        reached = {entry["tag"].rpartition(".")[0]: _epoch(entry["at"]) for entry in self._journal(after)}
        sent = {ident: run.outcome.sent_at[number] for number, ident in _taken(run.outcome).items()}
        waits = sorted((reached[ident] - at) * 1000 for ident, at in sent.items() if ident in reached)
        if not waits:
            raise TooSlow("no message reached the simulator")
        detail = run.detail() | {
            "measured_from": "the first byte of the request",
            "max_ms": round(waits[-1], 2),
        }
        what = f"request to carrier at {PACE}/s"
        p50, p99 = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
        return [
            Figure(
                name="to_provider_p50_ms",
                what=f"{what}, p50",
                value=p50,
                unit="ms",
                at_most=15,
                detail=detail,
            ),
            Figure(name="to_provider_p99_ms", what=f"{what}, p99", value=p99, unit="ms", detail=detail),
        ]

    def webhooks(self, count: int) -> list[Figure]:
        """Post one delivery report for each of `count` messages, and wait until all are `delivered` in SQL."""
        self._dial(drop_events=1)
        after, since = self._journal_end(), new_id()
        self._submit(count)
        bodies = [_delivered(entry) for entry in self._journal(after) if entry["id"]]
        before, began = self._cpu(), time.perf_counter()
        outcome = self._post(bodies)
        self._await(len(bodies), since, (Status.DELIVERED,))
        wall_s = time.perf_counter() - began
        used = bench_cpu.since(before, self._cpu())
        detail = {
            "events": len(bodies),
            "answers_per_s": round(outcome.rate),
            "refused": outcome.sent - outcome.good,
            "cpu_ms_by_role": {role: round(s * 1000 / len(bodies), 4) for role, s in used.items()},
        }
        what = "webhook events, one a request, HTTP in to delivered"
        return [Figure(name="events_per_s", what=what, value=len(bodies) / wall_s, unit="/s", detail=detail)]

    def balance(self) -> list[Figure]:
        """Compare what was accepted with what the simulator has in its journal."""
        created = Counter(entry["tag"].rpartition(".")[0] for entry in self._journal(0) if entry["id"])
        lost = sum(ident not in created for ident in self._accepted)
        doubled = sum(times > 1 for times in created.values())
        detail = {"accepted": len(self._accepted), "created": created.total()}
        return [
            Figure(name="lost", what="accepted and never sent", value=lost, at_most=0, detail=detail),
            Figure(name="doubled", what="sent more than once", value=doubled, at_most=0, detail=detail),
        ]

    def _post(self, bodies: list[bytes]) -> Outcome:
        connection = self._document["connections"][0]
        user, password = connection["webhook_username"], connection["webhook_password"]
        make = posts(f"/webhooks/{connection['name']}", user, password, bodies)
        load = closed(
            "127.0.0.1", self._port, make, connections=CONNECTIONS, count=len(bodies), limit_s=_SEND_WITHIN_S
        )
        return uvloop.run(load)

    def _submit(self, count: int, *, rate: int | None = None) -> Run:
        since = new_id()
        make = sends(self._key)
        before, began = self._cpu(), time.perf_counter()
        if rate is None:
            load = closed(
                "127.0.0.1",
                self._port,
                make,
                connections=CONNECTIONS,
                count=count,
                limit_s=_SEND_WITHIN_S,
                keep=True,
            )
        else:
            load = opened("127.0.0.1", self._port, make, connections=8, rate=rate, count=count)
        outcome = uvloop.run(load)
        if outcome.good == 0:
            raise TooSlow(f"nothing was accepted: {dict(outcome.statuses)}")
        self._await(outcome.good, since, _GONE_ON)
        wall_s = time.perf_counter() - began
        used = bench_cpu.since(before, self._cpu())
        ids = tuple(_taken(outcome).values())
        self._accepted += ids
        return Run(outcome=outcome, ids=ids, wall_s=wall_s, used_s=used)

    def _await(self, count: int, since: str, wanted: tuple[Status, ...]) -> None:
        """Wait until so many messages stand where they should.

        Raises:
            TooSlow: they do not, in time.
        """
        deadline = time.monotonic() + _DRAIN_WITHIN_S
        look: Callable[[], dict[Status, int]] = lambda: self._database.read(  # noqa: E731
            lambda connection: counts.by_status(connection, since=since)
        )
        while True:
            began = time.monotonic()
            found = look()
            if sum(found.get(status, 0) for status in wanted) >= count:
                return
            if began > deadline:
                raise TooSlow(f"{count} expected, after {_DRAIN_WITHIN_S:.0f} s there are {found}")
            # Looking must not become the load: it takes a twentieth of the time at most.
            time.sleep(max(0.01, (time.monotonic() - began) * 20))

    def _cpu(self) -> dict[str, float]:
        return bench_cpu.by_role(self._processes)

    def _dial(self, **faults: float) -> None:
        self._simulator.call(
            "PUT", "/sim/faults", json.dumps(faults).encode(), {"Content-Type": "application/json"}
        )

    def _journal_end(self) -> int:
        return int(self._simulator.get("/sim/journal", limit=1)["total"])

    def _journal(self, after: int) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        while page := self._simulator.get("/sim/journal", after=after, limit=_PAGE)["entries"]:
            entries += page
            after = page[-1]["number"]
        return entries


def _taken(outcome: Outcome) -> dict[int, str]:
    """Return the ids of what was taken, by request: one that Redis's disk kept waiting for too long has none."""
    return {number: str(json.loads(body)["id"]) for number, body in outcome.bodies.items() if b'"id"' in body}


def _epoch(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _delivered(entry: dict[str, Any]) -> bytes:
    """Return the webhook that reports the delivery of a message of the journal."""
    message = {
        "id": entry["id"],
        "owner": entry["from"],
        "applicationId": "bench",
        "time": entry["at"],
        "segmentCount": 1,
        "direction": "out",
        "to": entry["to"],
        "from": entry["from"],
        "text": "",
        "tag": entry["tag"],
    }
    event = {
        "time": entry["at"],
        "type": "message-delivered",
        "to": entry["to"][0],
        "description": "ok",
        "message": message,
    }
    return json.dumps([event]).encode()
