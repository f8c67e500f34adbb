"""Run a whole stack on one data folder until told to end."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from broker.cli import demo_account, forked, provision, stack
from broker.cli.child import Program
from broker.cli.folder import Folder
from broker.cli.folder import replace as write
from broker.cli.ports import Ports
from broker.cli.signals import Signals
from broker.cli.stack import Places
from broker.cli.supervisor import StartFailed, Stopped, Supervisor
from broker.domain.operator import Role
from broker.domain.value import replace
from broker.settings import Settings

READY_WITHIN_S = 90.0
SIMULATOR_PORT = 9100
FLOWER_PORT = 5555
_ROLES = tuple(Role)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asked for."""

    data: Path
    provision: Path | None = None
    host: str
    port: int
    simulator: bool = True
    flower: bool = True
    ingresses: int = 1


def say(text: str) -> None:
    """Tell the person at the terminal, who may have gone."""
    try:
        print(f"up: {text}", flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115  # it stays for the rest of our life


def run(settings: Settings, options: Options) -> int:
    """Start everything, keep it running, end it on a signal, and return the exit code.

    Raises:
        ConfigurationError: the folder is in use, or a setting or the provisioning file is wrong.
    """
    folder = Folder(options.data)
    folder.open()
    ports = Ports(say=say)
    try:
        return _Stack(settings, options, folder, ports).run()
    finally:
        ports.release()
        folder.close()


class _Stack:
    """One run of the stack: what was decided at its start."""

    def __init__(self, settings: Settings, options: Options, folder: Folder, ports: Ports) -> None:
        self._folder = folder
        document = provision.load(options.provision) if options.provision else None
        self._places = self._choose(settings, options, ports, document)
        file = options.provision.absolute() if options.provision else None
        if file is None and self._places.simulator is not None:
            file = folder.path / demo_account.write(folder, simulator=self._places.simulator)
            document = provision.load(file)
        self._document = document or {}
        self._keep_keys()
        self._env = self._environment(settings, file)
        self._settings = settings.model_copy(update={"data_dir": folder.path})

    def _choose(
        self, settings: Settings, options: Options, ports: Ports, document: Mapping[str, Any] | None
    ) -> Places:
        """Choose every port: the wanted one, the one of earlier starts, or the next that is free."""
        kept = self._folder.ports()

        def take(what: str, wanted: int) -> int:
            kept[what] = ports.take(wanted, host="127.0.0.1", what=what)
            return kept[what]

        places = Places(
            host=options.host, ingress=ports.take(options.port, host=options.host, what="ingress")
        )
        for number in range(2, options.ingresses + 1):
            name = f"ingress-{number}"
            kept[name] = ports.take(kept.get(name, 0), host=options.host, what=name)
            places = replace(places, more=(*places.more, kept[name]))
        if not settings.redis_url:
            places = replace(places, redis=take("redis", kept.get("redis", 0)))
        if options.simulator:
            wanted = _carrier_port(document) or kept.get("simulator", SIMULATOR_PORT)
            places = replace(places, simulator=take("simulator", wanted))
        if options.flower:
            places = replace(places, flower=take("flower", kept.get("flower", FLOWER_PORT)))
        metrics = {name: take(f"metrics-{name}", kept.get(f"metrics-{name}", 0)) for name in stack.MEASURED}
        places = replace(places, metrics=metrics)
        self._folder.keep_ports(kept)
        return places

    def _keep_keys(self) -> None:
        """Leave a customer's key and an operator's login for the command line's own requests."""
        keys = [key for account in self._document.get("accounts", ()) for key in account.get("api_keys", ())]
        write(self._folder.path / "client.key", f"{keys[0]}\n" if keys else "\n")
        people = sorted(self._document.get("operators", ()), key=lambda row: -_ROLES.index(row["role"]))
        login = f"{people[0]['name']}:{people[0]['password']}\n" if people else "\n"
        write(self._folder.path / "operator.key", login)

    def _environment(self, settings: Settings, file: Path | None) -> dict[str, str]:
        redis_url = settings.redis_url or f"redis://127.0.0.1:{self._places.redis}/0"
        egress = (*settings.egress_allow, *self._document.get("egress", {}).get("allow", ()))
        env = stack.environment(
            os.environ,
            data=self._folder.path,
            redis_url=redis_url,
            places=self._places,
            egress=egress,
            secret_key=settings.secret_key.get_secret_value() or self._folder.secret("secret.key"),
            flower_password=settings.flower_password.get_secret_value() or self._folder.secret("flower.key"),
        )
        return env | ({"BROKER_PROVISION_FILE": str(file)} if file else {})

    def run(self) -> int:
        """Start, keep, end."""
        with Signals() as signals:
            supervisor = Supervisor(logs=self._folder.logs, signals=signals, say=say, restarted=self._publish)
            try:
                self._start(supervisor)
                self._publish(supervisor)
                self._announce()
                supervisor.run()
            except Stopped:
                return 0
            except StartFailed as error:
                say(str(error))
                return 1
            finally:
                say("ending")
                supervisor.stop()
            return 0

    def _start(self, supervisor: Supervisor) -> None:
        env, places = self._env, self._places
        carrier = stack.carrier_of(self._document, f"127.0.0.1:{places.simulator}")
        supervisor.start(
            *stack.redis(places, self._folder.path / "redis"), *stack.simulator(places, carrier, env)
        )
        forked.load()
        prepare = Program(
            role="prepare", name="prepare", entry=stack.COMMAND_LINE, argv=("prepare",), env=env
        )
        supervisor.once(prepare, within_s=READY_WITHIN_S)
        supervisor.await_ready(within_s=READY_WITHIN_S)
        supervisor.start(
            *stack.services(places, env, log_level=self._settings.log_level), *stack.flower(places, env)
        )
        supervisor.await_ready(within_s=READY_WITHIN_S)

    def _publish(self, supervisor: Supervisor) -> None:
        settings = self._settings
        found = stack.endpoints(
            self._places,
            redis_url=self._env["BROKER_REDIS_URL"],
            database_url=settings.database,
            attachments=settings.attachments,
            logs=self._folder.logs,
        )
        self._folder.publish(found | {"processes": supervisor.processes()})

    def _announce(self) -> None:
        found = self._folder.read_endpoints()
        for name in ("ingress", "console", "flower", "simulator", "attachments", "logs"):
            if name in found:
                say(f"{name:<12}{found[name]}")
        if login := (self._folder.path / "operator.key").read_text().strip():
            name, file = login.partition(":")[0], self._folder.path / "operator.key"
            say(f"sign in to the console as {name}; the password is what follows the colon in {file}")
        say(f"ready; everything is in {self._folder.endpoints}; Ctrl-C ends it")


def _carrier_port(document: Mapping[str, Any] | None) -> int | None:
    """Return the loopback port at which a provisioned connection expects its carrier."""
    for row in (document or {}).get("connections", ()):
        address = urlsplit(row.get("base_url", ""))
        if address.hostname in {"127.0.0.1", "localhost"} and address.port:
            port: int = address.port
            return port
    return None


def check_host(host: str) -> None:
    """Warn of an address that others can reach."""
    if not host.startswith("127.") and host not in {"localhost", "::1"}:
        say(f"listening on {host}: everyone who can reach this machine can reach the API")
