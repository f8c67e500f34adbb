"""A whole stack through the front door, with three simulated carriers and hosts for media."""

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.acceptance.flows.clients import Carrier, Customer
from tests.acceptance.flows.http_client import basic, eventually, request
from tests.acceptance.flows.media_host import MediaHost

READY_WITHIN_S = 240.0

MAIN, OTHER_NUMBER, TOLL_FREE = "+12025550150", "+12025550151", "+18885550150"
PLAIN, TOKEN = "+12025550160", "+12025550170"
GLOBEX, STRICT, TEXTER = "+12025550180", "+12025550190", "+12025550191"

PATIENCE = {
    "BROKER_HOLD_S": "2",
    "BROKER_RETRY_FIRST_S": "0.2",
    "BROKER_RETRY_LONGEST_S": "1",
    "BROKER_UNKNOWN_HOLD_S": "6",
    "BROKER_SWEEP_EVERY_S": "0.5",
    "BROKER_MEDIA_TIMEOUT_S": "4",
}
"""Knobs that make waiting short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything a test may touch.

    `main` is the carrier of connection `bandwidth-1`: tokens, uploads, receipts for MMS. `plain` is that of
    `bandwidth-2`: Basic, our links, no receipts. `token` is that of `bandwidth-3`, for trouble with credentials.
    """

    data: Path
    endpoints: Mapping[str, Any]
    acme: Customer
    globex: Customer
    strict: Customer
    texter: Customer
    main: Carrier
    plain: Carrier
    token: Carrier
    media: MediaHost
    foreign: MediaHost

    @property
    def ingress(self) -> str:
        """The API's address."""
        return str(self.endpoints["ingress"])

    @property
    def attachments(self) -> Path:
        """MMSAttachments."""
        return Path(self.endpoints["attachments"])

    @property
    def outbox(self) -> Path:
        """Acme's folder for files that Ozeki requests name."""
        return self.data / "outbox" / "acme"

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """Ask the database, which the API does not show whole."""
        path = str(self.endpoints["database"]).removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def workers_stopped(self) -> Iterator[None]:
        """Freeze every worker for a while."""
        pids = _read(self.data / "endpoints.json")["processes"]["worker"]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


class Simulator:
    """A simulator of our own, beside the one that `up` runs."""

    def __init__(self, folder: Path, *options: str) -> None:
        ready = folder / "ready.json"
        command = [sys.executable, "-m", "broker.simulator", "--port", "0", "--ready-file", str(ready)]
        self._process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        eventually(ready.exists, "a simulator")
        self.url = str(eventually(lambda: _read(ready), "a simulator's address")["url"])

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)


class Up:
    """`up` on a folder."""

    def __init__(self, data: Path, provision: Path) -> None:
        self.data = data
        self._log = (data.parent / "up.log").open("w+")
        options = ["--data", str(data), "--provision", str(provision), "--port", "0", "--no-flower"]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "broker.cli.main", "up", *options],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **PATIENCE},
        )

    def ready(self) -> dict[str, Any]:
        """Wait until all is up, and return endpoints.json."""
        deadline = time.monotonic() + READY_WITHIN_S
        file = self.data / "endpoints.json"
        while not (found := _read(file)):
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)
        return found

    def said(self) -> str:
        """Return what it printed."""
        self._log.seek(0)
        return self._log.read()

    def end(self) -> int:
        """Ask it to end, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._log.closed:
            self.end()


@contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """Start everything, and see that nothing is left of it at the end."""
    with ExitStack() as stack:
        media, foreign = (stack.enter_context(closing(MediaHost())) for _ in range(2))
        login = ("--username", "basic-user", "--password", "basic-password")
        plain = _simulator(stack, folder / "plain", *login)
        secrets_ = ("--client-secret", "first", "--client-secret", "second")
        token = _simulator(stack, folder / "token", "--client-id", "client-3", *secrets_)
        port = _free_port()
        provision = folder / "provision.toml"
        provision.write_text(
            _toml(_document(f"127.0.0.1:{port}", plain.url[7:], token.url[7:], media.authority))
        )
        provision.chmod(0o600)
        up = stack.enter_context(Up(folder / "data", provision))
        endpoints = up.ready()
        assert endpoints["simulator"] == f"http://127.0.0.1:{port}", "the port was taken meanwhile"
        yield _world(up.data, endpoints, plain.url, token.url, media, foreign)
        assert up.end() == 0
        left = [pid for pids in endpoints["processes"].values() for pid in pids if is_alive(pid)]
        assert left == [], "every process ends with its stack"


def is_alive(pid: int) -> bool:
    """Say whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _simulator(stack: ExitStack, folder: Path, *options: str) -> Simulator:
    folder.mkdir()
    return stack.enter_context(closing(Simulator(folder, *options)))


def _world(
    data: Path, endpoints: Mapping[str, Any], plain: str, token: str, media: MediaHost, foreign: MediaHost
) -> World:
    ingress = endpoints["ingress"]
    carriers = [
        Carrier(url=url, connection=f"bandwidth-{n}", ingress=ingress, webhook=basic("hook", f"hook-{n}"))
        for n, url in enumerate((endpoints["simulator"], plain, token), start=1)
    ]
    for n, carrier in enumerate(carriers, start=1):
        target = {
            "url": f"{ingress}/webhooks/{carrier.connection}",
            "user": "hook",
            "password": f"hook-{n}",
        }
        request(f"{carrier.url}/sim/webhook", "PUT", body=json.dumps(target).encode())
    people = {
        name: Customer(
            url=ingress, name=name, key=f"key-of-{name}", password=f"password of {name}", sender=sender
        )
        for name, sender in (("acme", MAIN), ("globex", GLOBEX), ("strict", STRICT), ("texter", TEXTER))
    }
    main, second, third = carriers
    (data / "outbox" / "acme").mkdir(parents=True)
    return World(
        data=data,
        endpoints=endpoints,
        main=main,
        plain=second,
        token=third,
        media=media,
        foreign=foreign,
        **people,
    )


def _document(main: str, plain: str, token: str, media: str) -> dict[str, Any]:
    senders: dict[str, list[str]] = {
        "acme": [MAIN, OTHER_NUMBER, TOLL_FREE, PLAIN, TOKEN],
        "globex": [GLOBEX],
        "strict": [STRICT],
        "texter": [TEXTER],
    }
    owned = {"acme": [MAIN, OTHER_NUMBER, PLAIN, TOKEN], "globex": [GLOBEX]}
    accounts = [
        {
            "name": name,
            "password": f"password of {name}",
            "api_keys": [f"key-of-{name}"],
            "senders": numbers,
            "inbound_numbers": owned.get(name, []),
            "mms": name != "texter",
        }
        for name, numbers in senders.items()
    ]
    others = [MAIN, OTHER_NUMBER, TOLL_FREE, GLOBEX, STRICT, TEXTER]
    own: Sequence[dict[str, Any]] = (
        {"client_id": "client-1", "client_secret": secrets.token_hex(), "senders": others},
        {
            "auth": "basic",
            "username": "basic-user",
            "password": "basic-password",
            "media_mode": "link",
            "mms_receipts": False,
            "senders": [PLAIN],
        },
        {
            "client_id": "client-3",
            "client_secret": "first",
            "next_client_secret": "second",
            "senders": [TOKEN],
        },
    )
    connections = [
        {
            "name": f"bandwidth-{n}",
            "provider": "bandwidth",
            "base_url": f"http://{host}/api/v2",
            "token_url": f"http://{host}/api/v1/oauth2/token",
            "account_id": "9900000",
            "application_id": "5f1c2b7e-0a4d-4c38-9d1e-7b6a3c2f1e00",
            "webhook_username": "hook",
            "webhook_password": f"hook-{n}",
            "media_hosts": [host],
            **table,
        }
        for n, (host, table) in enumerate(zip((main, plain, token), own, strict=True), start=1)
    ]
    return {"accounts": accounts, "connections": connections, "egress": {"allow": [media]}}


def _toml(document: Mapping[str, Any]) -> str:
    """Return a provisioning file; a JSON value is a TOML value where there is no object in it."""
    lines: list[str] = []
    for name, rows in document.items():
        for row in rows if isinstance(rows, list) else [rows]:
            lines.append(f"[[{name}]]" if isinstance(rows, list) else f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in row.items()]
    return "\n".join(lines) + "\n"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _read(file: Path) -> dict[str, Any]:
    with suppress(FileNotFoundError, json.JSONDecodeError):
        return dict(json.loads(file.read_text()))
    return {}
