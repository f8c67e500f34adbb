"""Measure how fast messages are accepted while nobody takes them."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from broker.cli import bench_cpu, demo_account, stack
from broker.cli.bench_report import Figure
from broker.cli.bench_requests import sends
from broker.cli.child import Child, Program
from broker.cli.folder import Folder
from broker.cli.load import Make, Outcome, closed
from broker.cli.ports import Ports
from broker.cli.stack import Places

CONNECTIONS = 64
ROUNDS = 7
_START_WITHIN_S = 60.0
_END_WITHIN_S = 10.0
MOST = 100_000
WARM_UP = 500


def measure(path: Path, *, seconds: float) -> list[Figure]:
    """Return accepts a second and their ratio to a handler that does nothing.

    The two are measured in turn, several times, and the median pair counts: the machine may be noisy.
    """
    with ExitStack() as running:
        port, key, children = running.enter_context(door(path))
        idle_port, children["idle handler"] = running.enter_context(_idle_handler(path))
        load(port, sends(key), seconds=5.0, count=WARM_UP)
        load(idle_port, sends(key), seconds=5.0, count=WARM_UP)
        pairs: list[tuple[Outcome, Outcome]] = []
        processes = {role: [child.pid or 0] for role, child in children.items()}
        cpu = bench_cpu.by_role(processes)
        for _ in range(ROUNDS):
            idle = load(idle_port, sends(key), seconds=seconds)
            pairs.append((load(port, sends(key), seconds=seconds), idle))
        used = bench_cpu.since(cpu, bench_cpu.by_role(processes))
    return _figures(pairs, used)


def _figures(pairs: list[tuple[Outcome, Outcome]], used: dict[str, float]) -> list[Figure]:
    ratios = sorted(ours.rate / idle.rate for ours, idle in pairs)
    accepted = sum(ours.good for ours, _ in pairs)
    idle = sum(idle.good for _, idle in pairs)
    cpu_ms = {
        role: spent * 1000 / (idle if role == "idle handler" else accepted) for role, spent in used.items()
    }
    latencies = sorted(each for ours, _ in pairs for each in ours.latencies)
    detail = {
        "accepts_per_s": [round(ours.rate) for ours, _ in pairs],
        "idle_handler_per_s": [round(idle.rate) for _, idle in pairs],
        "refused": sum(ours.sent - ours.good for ours, _ in pairs),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 2),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 2),
        "cpu_ms_by_role": {role: round(each, 4) for role, each in cpu_ms.items()},
        "connections": CONNECTIONS,
    }
    return [
        Figure(
            name="accepts_per_s",
            what="accepts, 64 connections, fsync, nobody consuming",
            value=statistics.median(ours.rate for ours, _ in pairs),
            unit="/s",
            detail=detail,
        ),
        Figure(
            name="accepts_ratio",
            what="accepts over a handler that does nothing",
            value=statistics.median(ratios),
            at_least=0.4,
            # CPU tells what the ratio would be on a machine that nobody else uses.
            detail={
                "ratios": [round(ratio, 3) for ratio in ratios],
                "idle_cpu_over_ingress_cpu": round(cpu_ms["idle handler"] / cpu_ms["ingress"], 3),
            },
        ),
    ]


def load(port: int, make: Make, *, seconds: float, count: int = MOST) -> Outcome:
    """Send as much as is taken for some seconds."""
    return uvloop.run(closed("127.0.0.1", port, make, connections=CONNECTIONS, count=count, limit_s=seconds))


@contextmanager
def door(path: Path) -> Iterator[tuple[int, str, dict[str, Child]]]:
    """Run Redis and the ingress alone, and give the port, the API key and the processes."""
    folder, ports = Folder(path), Ports(say=lambda _: None)
    folder.open()
    children: dict[str, Child] = {}
    try:
        places = Places(
            host="127.0.0.1",
            ingress=ports.take(0, host="127.0.0.1", what="ingress"),
            redis=ports.take(0, host="127.0.0.1", what="redis"),
        )
        env = _environment(folder, places)
        prepare = (sys.executable, "-P", "-m", "broker.cli.main", "prepare")
        subprocess.run(prepare, env=env, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # our own program
        ingress = next(
            each for each in stack.services(places, env, log_level="INFO") if each.role == "ingress"
        )
        for program in (*stack.redis(places, folder.path / "redis"), ingress):
            children[program.role] = _start(program, folder.logs)
        yield places.ingress, (folder.path / "client.key").read_text(), children
    finally:
        for child in reversed(children.values()):
            _stop(child)
        ports.release()
        folder.close()


def _environment(folder: Folder, places: Places) -> dict[str, str]:
    file = folder.path / demo_account.write(folder, simulator=9)
    from broker.cli import provision

    key = provision.load(file)["accounts"][0]["api_keys"][0]
    (folder.path / "client.key").write_text(key)
    env = stack.environment(
        os.environ,
        data=folder.path,
        redis_url=f"redis://127.0.0.1:{places.redis}/0",
        places=places,
        egress=(),
        secret_key=folder.secret("secret.key"),
        flower_password="",
    )
    return env | {"BROKER_PROVISION_FILE": str(file)}


@contextmanager
def _idle_handler(path: Path) -> Iterator[tuple[int, Child]]:
    """Run the handler that does nothing, and give its port and its process."""
    argv = (sys.executable, "-m", "broker.simulator.noop")
    said = path / "logs" / "noop.log"
    child = _start(Program(role="noop", name="noop", argv=argv, ready_word="http"), path / "logs")
    try:
        yield urlsplit(said.read_text().split()[-1]).port or 0, child
    finally:
        _stop(child)


def _start(program: Program, logs: Path) -> Child:
    """Start a program, and wait until it does its work.

    Raises:
        TimeoutError: it does not.
    """
    child = Child(program, logs=logs)
    child.start()
    deadline = time.monotonic() + _START_WITHIN_S
    while not child.is_ready():
        if not child.running or time.monotonic() > deadline:
            child.signal(signal.SIGKILL)
            raise TimeoutError(f"{program.name} did not start\n{child.last_words()}")
        time.sleep(0.05)
    return child


def _stop(child: Child) -> None:
    child.signal(signal.SIGTERM)
    deadline = time.monotonic() + _END_WITHIN_S
    while child.running and time.monotonic() < deadline:
        time.sleep(0.02)
    child.signal(signal.SIGKILL)
