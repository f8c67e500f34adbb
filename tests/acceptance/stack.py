"""A whole stack of real processes that a test may hurt."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from broker.cli.chaos.ground import SETTINGS
from broker.cli.chaos.servers import alive
from tests.redis_server import die_with_parent, free_port

T = TypeVar("T")

WITHIN_S = 90.0
"""Longest wait for anything that must come: the machine may be busy with other tests."""

KEYS = {"acme": "an-api-key-of-acme", "stopper": "an-api-key-of-stopper"}
SHORT = SETTINGS
"""Settings that make repairs quick."""

ACCOUNTS = """
[[accounts]]
name = "acme"
api_keys = ["{acme}"]
senders = ["+12025550150"]

[[accounts]]
name = "stopper"
api_keys = ["{stopper}"]
senders = ["+12025550151"]
unknown_policy = "stop"
"""


def connection(*senders: str, name: str = "bandwidth-1") -> str:
    """Return the provisioning of a connection that leads to the stack's simulator."""
    return _CONNECTION.format(name=name, senders=json.dumps(senders))


_CONNECTION = """
[[connections]]
name = "{name}"
provider = "bandwidth"
base_url = "http://127.0.0.1:{{port}}/api/v2"
token_url = "http://127.0.0.1:{{port}}/api/v1/oauth2/token"
auth = "oauth2"
client_id = "client"
client_secret = "secret"
account_id = "9900000"
application_id = "app-1"
webhook_username = "carrier"
webhook_password = "carrier's secret"
media_hosts = ["127.0.0.1:{{port}}"]
senders = {senders}
"""
PROVISION = ACCOUNTS + connection("+12025550150", "+12025550151")


class Stack:
    """One `up` on its own folder and ports; `carrier` is the URL of a simulator that does not die with it."""

    def __init__(
        self, folder: Path, *, env: Mapping[str, str], provision: str = PROVISION, carrier: str = ""
    ) -> None:
        self._folder = folder
        self._provision = provision
        self._env = {**os.environ, **env}
        self._output = folder / "up.log"
        self._carrier = carrier
        self._port = 0

    def start(self) -> None:
        """Start everything and wait until it is ready; again on the same ports, if it ran before."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for _ in range(3):
            port = urlsplit(self._carrier).port or free_port()
            self._run(port)
            self.until(self._is_up)
            self._port = urlsplit(self.endpoints["ingress"]).port or 0
            if self._carrier or self.endpoints["simulator"].endswith(f":{port}"):
                return
            self.end()  # somebody else took the port in between
        raise AssertionError("no port for the simulator")

    def _run(self, carrier_port: int) -> None:
        provision = self._folder / "provision.toml"
        provision.write_text(self._provision.format(port=carrier_port, **KEYS))
        command = [sys.executable, "-P", "-m", "broker.cli.main", "up", "--no-flower"]
        command += ["--port", str(self._port), "--provision", str(provision)]
        command += ["--data", str(self._folder / "data"), *(["--no-simulator"] if self._carrier else [])]
        with self._output.open("ab") as output:
            self._up = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                env=self._env,
                preexec_fn=die_with_parent,  # noqa: PLW1509  the child only calls prctl
            )

    @property
    def endpoints(self) -> dict[str, Any]:
        """What endpoints.json says now."""
        file = self._folder / "data" / "endpoints.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def _is_up(self) -> bool:
        assert self._up.poll() is None, self._output.read_text()
        return bool(self.endpoints)

    def end(self) -> None:
        """End everything politely; nobody may be left."""
        pids = [pid for found in self.endpoints.get("processes", {}).values() for pid in found]
        for pid in filter(alive, pids):
            os.kill(pid, signal.SIGCONT)
        self._up.terminate()
        try:
            self._up.wait(60)
        finally:
            self._up.kill()
            self._up.wait()
        assert [pid for pid in pids if alive(pid)] == []

    # Hurting it.

    def pid(self, role: str, number: int = 0) -> int:
        """Return a process of a role; worker 0 submits and reads webhooks, worker 1 does the rest."""
        return int(self.endpoints["processes"][role][number])

    def signal(self, role: str, how: signal.Signals, number: int = 0) -> int:
        """Send a signal and return whom it met."""
        pid = self.pid(role, number)
        os.kill(pid, how)
        return pid

    def kill_all(self) -> None:
        """Kill `up` at once, and with it every process."""
        pids = [pid for found in self.endpoints["processes"].values() for pid in found]
        self._up.kill()
        self._up.wait()
        self.until(lambda: not any(alive(pid) for pid in pids))
        (self._folder / "data" / "endpoints.json").unlink()

    def kill(self, role: str, number: int = 0) -> None:
        """Kill a process at once and wait until another has taken its place."""
        killed = self.signal(role, signal.SIGKILL, number)
        self.until(lambda: killed not in self.endpoints["processes"][role])

    # Asking it.

    def until(self, question: Callable[[], T], *, within_s: float = WITHIN_S) -> T:
        """Ask until the answer is true, and return it."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            answer = question()
            if answer:
                return answer
            time.sleep(0.05)
        raise AssertionError(f"waited {within_s:.0f} s in vain; logs are in {self._folder}")

    def connect(self, name: str) -> http.client.HTTPConnection:
        """Open a connection to the ingress or the simulator."""
        address = urlsplit(self._carrier if name == "simulator" and self._carrier else self.endpoints[name])
        return http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)

    def get(self, path: str, *, account: str = "acme") -> dict[str, Any]:
        """Ask the ingress as an account."""
        return self._ask("ingress", "GET", path, {"Authorization": f"Bearer {KEYS[account]}"})

    def carrier(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Ask the simulator."""
        return self._ask("simulator", method, path, {}, body)

    def faults(self, **dials: Any) -> None:
        """Set the simulator's dials; the others stand at no fault."""
        self.carrier("PUT", "/sim/faults", dials)

    def _ask(
        self, name: str, method: str, path: str, headers: Mapping[str, str], body: Any = None
    ) -> dict[str, Any]:
        connection = self.connect(name)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), dict(headers))
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status in (200, 202), (answer.status, text)
            return dict(json.loads(text))
        finally:
            connection.close()
