"""Everything that runs during a fault run, and who can be hurt."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from broker.cli import ready
from broker.cli.chaos.clocks import Clocks
from broker.cli.chaos.proxy import Proxy
from broker.cli.chaos.roster import CONNECTION, WEBHOOK_PASSWORD, WEBHOOK_USER, provisioning
from broker.cli.chaos.servers import Postgres, Redis, alive
from broker.cli.chaos.sink import Sink
from broker.cli.child import Child, Program
from broker.cli.folder import Folder
from broker.cli.ports import Ports
from broker.cli.running import END_WITHIN_S, READY_WITHIN_S, NotReady, is_ready, launch
from broker.domain.wire import Request
from broker.net.client import Client
from broker.net.opening import open_client

LEASE_S = 8.0
SETTINGS: Mapping[str, str] = {
    "BROKER_LEASE_S": f"{LEASE_S:g}",
    "BROKER_SUBMIT_TIMEOUT_S": "3",
    "BROKER_MEDIA_TIMEOUT_S": "4",
    "BROKER_UNKNOWN_HOLD_S": "1",
    "BROKER_PUT_BACK_S": "2",
    "BROKER_SWEEP_EVERY_S": "0.5",
    "BROKER_RETRY_FIRST_S": "0.3",
    "BROKER_RETRY_LONGEST_S": "1",
}
"""Settings that make repairs quick."""
_CALLBACKS: Mapping[str, str] = {
    "BROKER_CALLBACK_FIRST_S": "0.5",
    "BROKER_CALLBACK_LONGEST_S": "4",
    "BROKER_CALLBACK_TIMEOUT_S": "3",
    "BROKER_HOLD_S": "2",
}
_TICK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is asked for. `minutes` is how long the faults may take."""

    seed: int
    faults: int
    messages: int
    minutes: float
    database: str = "sqlite"
    only: tuple[str, ...] = field(default=())


class Ground:
    """The stack between proxies, the carrier on one side and the customers' web server on the other."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._options = options
        self.path = folder
        self.stack = Folder(folder / "stack")
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True)
        self._ports = Ports(say=lambda _: None)
        self.clocks = Clocks(folder)
        self.has_clocks = self.clocks.build()
        self.redis = Redis(folder / "redis", logs=self._logs, port=self._port("redis"))
        self.postgres = Postgres(folder / "postgres") if options.database == "postgresql" else None
        self._carrier_port = self._port("carrier")
        self.journal = folder / "carrier.jsonl"
        seed = options.seed
        self.to_redis = Proxy(self.redis.port, seed=seed)
        self.to_carrier = Proxy(self._carrier_port, marker=b"/messages HTTP", seed=seed)
        self.sink = Sink(folder / "callbacks.jsonl")
        self.client: Client = open_client("lean")
        self.missed: list[str] = []
        """Faults that wanted a moment which did not come."""
        self._carrier: Child | None = None
        self._up: subprocess.Popen[bytes] | None = None

    def _port(self, what: str) -> int:
        return self._ports.take(0, host="127.0.0.1", what=what)

    def _simulator(self) -> Program:
        options = [
            "--port",
            str(self._carrier_port),
            "--public-url",
            f"http://127.0.0.1:{self.to_carrier.port}",
        ]
        options += ["--journal", str(self.journal), "--event-delay-ms", "50"]
        argv = (sys.executable, "-m", "broker.simulator", *options)
        return Program(role="simulator", name="carrier", argv=argv)

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            NotReady: the stack did not come up.
        """
        self.redis.start()
        await self.to_redis.start()
        await self.to_carrier.start()
        self._carrier = Child(self._simulator(), logs=self._logs)
        self._carrier.start()
        await self.sink.start()
        await self.until(lambda: ready.answers(self._carrier_port, "/sim/stats"))
        file = self.path / "provision.toml"
        carrier = f"http://127.0.0.1:{self.to_carrier.port}"
        file.write_text(provisioning(carrier=carrier, sink=self.sink.url))
        options = (
            "--port",
            "0",
            "--ingresses",
            "2",
            "--no-simulator",
            "--no-flower",
            "--provision",
            str(file),
        )
        with (self._logs / "up.log").open("ab") as log:
            self._up = launch(self.stack, *options, env=self._environment(), output=log.fileno())
        deadline = time.monotonic() + READY_WITHIN_S
        while not is_ready(self._up, self.stack):
            if time.monotonic() > deadline:
                raise NotReady(f"the stack was not ready after {READY_WITHIN_S:.0f} s")
            await asyncio.sleep(_TICK_S)
        hook = {"url": self.hooks, "user": WEBHOOK_USER}
        await self._ask("PUT", "/sim/webhook", {**hook, "password": WEBHOOK_PASSWORD})

    def _environment(self) -> dict[str, str]:
        base = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
        database = {"BROKER_DATABASE_URL": self.postgres.url} if self.postgres else {}
        redis = {"BROKER_REDIS_URL": f"redis://127.0.0.1:{self.to_redis.port}/0"}
        return {**base, **SETTINGS, **_CALLBACKS, **redis, **database, **self.clocks.environment()}

    @property
    def ingress(self) -> str:
        """Where a customer may call."""
        return str(self.stack.read_endpoints()["ingress"])

    @property
    def ingresses(self) -> tuple[str, ...]:
        """Every process that customers may call: they share Redis, SQL and the folder, and nothing else."""
        return tuple(self.stack.read_endpoints()["ingresses"])

    @property
    def hooks(self) -> list[str]:
        """Where the carrier calls, at one process after the other."""
        return [f"{ingress}/webhooks/{CONNECTION}" for ingress in self.ingresses]

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.stack.path / "broker.db"

    @property
    def database_url(self) -> str:
        """Where messages are on record."""
        return self.postgres.url if self.postgres else f"sqlite:///{self.database}"

    async def end(self) -> None:
        """End everything; nobody may be left."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        if self._up is not None:
            self._up.terminate()
            up = self._up
            await self.until(lambda: up.poll() is not None, within_s=END_WITHIN_S)
            self._up.kill()
            self._up.wait()
        await self.client.close()
        await self.to_redis.stop()
        await self.to_carrier.stop()
        await self.sink.stop()
        if self._carrier is not None:
            self._carrier.signal(signal.SIGKILL)
        self.redis.end()
        if self.postgres:
            self.postgres.end()
        self._ports.release()

    # Who runs.

    def pids(self, role: str) -> list[int]:
        """Return the processes of a role; worker 0 submits and reads webhooks, worker 1 does the rest."""
        return list(self.stack.read_endpoints().get("processes", {}).get(role, []))

    def processes(self) -> list[int]:
        """Return every process of the stack."""
        found = self.stack.read_endpoints().get("processes", {})
        return [pid for pids in found.values() for pid in pids]

    def whole(self) -> bool:
        """Say whether every process of the stack is there."""
        found = self.processes()
        return bool(found) and all(alive(pid) for pid in found)

    async def keep(self) -> None:
        """Start Redis again whenever it ends, for as long as this runs."""
        while True:
            self.redis.mend()
            await asyncio.sleep(0.2)

    async def until(self, done: Callable[[], object], *, within_s: float = 60) -> bool:
        """Wait until something is so, and say whether it came to be."""
        deadline = time.monotonic() + within_s
        while not done():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_TICK_S)
        return True

    # The carrier.

    async def dial(self, **faults: Any) -> None:
        """Set the carrier's dials; the others stand at no fault."""
        await self._ask("PUT", "/sim/faults", faults)

    async def _ask(self, method: str, path: str, body: Any) -> None:
        url = f"http://127.0.0.1:{self._carrier_port}{path}"
        answer = await self.client.send(
            Request(method=method, url=url, body=orjson.dumps(body)), timeout_s=10
        )
        if answer.status >= 300:  # noqa: PLR2004  # the simulator refuses a dial it does not know
            raise ValueError(answer.body.decode())

    def host(self) -> str:
        """Return the host and port of the ingress."""
        return urlsplit(self.ingress).netloc
