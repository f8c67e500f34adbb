"""Which processes make a stack, and where each is reached."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from broker.cli import embedded, ready
from broker.cli.child import Program

WORKERS: Mapping[str, str] = {
    "worker-submit": "submit.high,submit,events",
    "worker-other": "media,callbacks,sweeps",
}
"""Each worker process by its log's name, with its queues. One of them submits: SQLite has one hot writer."""

MEASURED = ("scheduler", *WORKERS)
"""Processes that show their metrics on ports of their own."""

COMMAND_LINE = "broker.cli.main:main"

CARRIER, STORE = 1, 2
"""Ranks: the workers may still need the carrier while they end, and everything needs the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The port of everything that listens; None where we do not run it."""

    host: str
    ingress: int
    more: tuple[int, ...] = ()  # ports of further ingress processes
    redis: int | None = None
    simulator: int | None = None
    flower: int | None = None
    metrics: Mapping[str, int] = field(default_factory=dict)  # of each process that serves nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """What the simulator must know of the connection that it plays."""

    connection: str
    account_id: str
    client_id: str
    client_secrets: tuple[str, ...]
    webhook_user: str
    webhook_password: str
    username: str = ""
    password: str = field(default="", repr=False)


def carrier_of(document: Mapping[str, Any], simulator: str) -> Carrier | None:
    """Return the connection that leads to the simulator (host:port), else the first that could."""
    found = [row for row in document.get("connections", ()) if row["provider"] == "bandwidth"]
    found.sort(key=lambda row: f"//{simulator}/" not in row.get("base_url", ""))
    if not found:
        return None
    row = found[0]
    return Carrier(
        connection=row["name"],
        account_id=row["account_id"],
        client_id=row.get("client_id", ""),
        client_secrets=tuple(row[name] for name in ("client_secret", "next_client_secret") if name in row),
        webhook_user=row.get("webhook_username", ""),
        webhook_password=row.get("webhook_password", ""),
        username=row.get("username", ""),
        password=row.get("password", ""),
    )


def redis(places: Places, folder: Path) -> list[Program]:
    """Return the embedded server, where it is ours to run."""
    port = places.redis
    if port is None:
        return []
    argv = embedded.command(port=port, folder=folder)
    return [Program(role="redis", name="redis", argv=argv, rank=STORE, ready=lambda: ready.pongs(port))]


def simulator(places: Places, carrier: Carrier | None, env: Mapping[str, str]) -> list[Program]:
    """Return the simulator, where one is wanted."""
    port = places.simulator
    if port is None:
        return []
    options = ["--port", str(port)]
    if carrier is not None:
        hook = f"webhooks/{carrier.connection}"
        options += [f"--webhook-url={url}/{hook}" for url in _addresses(places)]
        # With "=", since a random secret may begin with a dash.
        options += [f"--webhook-user={carrier.webhook_user}"]
        options += [f"--webhook-password={carrier.webhook_password}", f"--account-id={carrier.account_id}"]
        options += [f"--client-id={carrier.client_id}"] if carrier.client_id else []
        options += [f"--client-secret={secret}" for secret in carrier.client_secrets]
        if carrier.username:
            options += [f"--username={carrier.username}", f"--password={carrier.password}"]
    argv = (sys.executable, "-P", "-m", "broker.simulator", *options)
    up = lambda: ready.answers(port, "/sim/stats")  # noqa: E731
    return [Program(role="simulator", name="simulator", argv=argv, env=env, rank=CARRIER, ready=up)]


def services(places: Places, env: dict[str, str], *, log_level: str) -> list[Program]:
    """Return the broker's own processes."""
    # Celery says so at level INFO; where that is not logged we do not wait for it.
    said = " ready." if log_level in {"DEBUG", "INFO"} else ""
    programs = [
        *_doors(places, env),
        Program(
            role="scheduler",
            name="scheduler",
            entry="workers.scheduler:main",
            env=env | _measured(places, "scheduler"),
        ),
    ]
    for name, queues in WORKERS.items():
        own, argv = env | _measured(places, name), ("--queues", queues)
        programs.append(
            Program(role="worker", name=name, entry="workers.main:main", argv=argv, env=own, ready_word=said)
        )
    return programs


def _addresses(places: Places) -> list[str]:
    """Return the addresses of the ingress processes."""
    return [f"http://{_local(places.host)}:{port}" for port in (places.ingress, *places.more)]


def _doors(places: Places, env: Mapping[str, str]) -> list[Program]:
    """Return the ingress processes; only the first serves HTTPS at the port that was chosen for it."""
    host = _local(places.host)
    programs = []
    for number, port in enumerate((places.ingress, *places.more), 1):
        own = {} if number == 1 else {"BROKER_PORT": str(port), "BROKER_TLS_PORT": "0"}
        programs.append(
            Program(
                role="ingress",
                name="ingress" if number == 1 else f"ingress-{number}",
                entry="broker.__main__:main",
                env={**env, **own},
                ready=partial(ready.answers, port, "/readyz", host=host),
            )
        )
    return programs


def _measured(places: Places, name: str) -> dict[str, str]:
    return {"BROKER_METRICS_PORT": str(places.metrics[name])} if name in places.metrics else {}


def flower(places: Places, env: Mapping[str, str]) -> list[Program]:
    """Return Flower, where it is wanted."""
    port = places.flower
    if port is None:
        return []
    up = lambda: ready.listens(port)  # noqa: E731
    argv = ("flower", "--port", str(port))
    return [Program(role="flower", name="flower", entry=COMMAND_LINE, argv=argv, env=env, ready=up)]


def endpoints(
    places: Places, *, redis_url: str, database_url: str, attachments: Path, logs: Path
) -> dict[str, Any]:
    """Return what endpoints.json says, but for the processes."""
    ingress, *more = _addresses(places)
    found = {"ingress": ingress, "console": f"{ingress}/console/", "metrics": f"{ingress}/metrics"}
    pages = {f"ingress-{number}": f"{url}/metrics" for number, url in enumerate(more, 2)}
    pages |= {name: f"http://127.0.0.1:{port}/metrics" for name, port in places.metrics.items()}
    return (
        found
        | _beside(places)
        | ({"ingresses": [ingress, *more]} if more else {})
        | {
            "metrics_of": {"ingress": found["metrics"], **pages},
            "redis": redis_url,
            "database": database_url,
            "attachments": str(attachments),
            "logs": str(logs),
        }
    )


def _beside(places: Places) -> dict[str, str]:
    """Return the addresses of what runs beside the broker."""
    ports = {"flower": places.flower, "simulator": places.simulator}
    return {name: f"http://127.0.0.1:{port}" for name, port in ports.items() if port is not None}


def environment(
    base: Mapping[str, str],
    *,
    data: Path,
    redis_url: str,
    places: Places,
    egress: tuple[str, ...],
    secret_key: str,
    flower_password: str,
) -> dict[str, str]:
    """Return the environment of every process of the stack."""
    return {
        **base,
        "PYTHONUNBUFFERED": "1",
        "BROKER_DATA_DIR": str(data),
        "BROKER_REDIS_URL": redis_url,
        "BROKER_SECRET_KEY": secret_key,
        "BROKER_FLOWER_PASSWORD": flower_password,
        "BROKER_HOST": places.host,
        "BROKER_PORT": str(places.ingress),
        "BROKER_METRICS_HOST": "127.0.0.1",
        "BROKER_EGRESS_ALLOW": json.dumps(egress),
        **{f"BROKER_{name.upper()}_URL": url for name, url in _beside(places).items()},
    }


def _local(host: str) -> str:
    """Return the address at which we reach ourselves."""
    if host in {"", "0.0.0.0"}:  # noqa: S104  # compared with, not bound to
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
