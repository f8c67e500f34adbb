"""Redis and the database."""

import time
from collections.abc import Iterator
from pathlib import Path

from broker.cli.doctor import Finding, Patient, fail, ok, warn
from broker.dispatch import Queue
from broker.domain.ids import made_at_ms
from broker.errors import Busy
from broker.keyspace import health
from broker.keyspace.health import Health
from broker.settings import Durability

_CLOCK_S = 2.0
_LONG_S = 60.0
_SILENT_S = 15.0
"""Workers speak every three seconds."""


def redis(patient: Patient) -> Iterator[Finding]:
    """Check that Redis is there, loses nothing, has room, and passes its work on."""
    if not patient.redis_url:
        yield warn("redis", "no server is known", "start the stack, or set BROKER_REDIS_URL")
        return
    try:
        found = health.look(patient.redis_url, patient.settings)
    except Busy as error:
        yield fail("redis", error.detail, "start it, or mend BROKER_REDIS_URL")
        return
    yield ok("redis", f"version {found.version}")
    yield from _keeping(patient, found)
    yield _memory(patient, found)
    if abs(found.clock_s) > _CLOCK_S:
        yield warn(
            "redis clock",
            f"{found.clock_s:+.1f} s behind ours",
            "keep the clocks together: run an NTP client",
        )
    yield from _people(patient, found)
    for queue, waiting in found.waiting.items():
        if waiting.count:
            yield _backlog(f"{queue}: {waiting.count} waiting", waiting.oldest)


def _people(patient: Patient, found: Health) -> Iterator[Finding]:
    """Check who hears the queues and moves what is due; where nothing is meant to run, nobody is missed."""
    if not patient.endpoints and not found.heard and not found.led:
        return
    silent = {queue: found.heard.get(queue) for queue in Queue}
    for queue, silent_s in silent.items():
        if silent_s is None or silent_s > _SILENT_S:
            since = (
                "no worker hears it"
                if silent_s is None
                else f"its worker has been silent for {silent_s:.0f} s"
            )
            yield fail("workers", f"{queue}: {since}", "start a worker for it, or end the one that hangs")
    if all(silent_s is not None and silent_s <= _SILENT_S for silent_s in silent.values()):
        yield ok("workers", "every queue is heard")
    if found.led:
        yield ok("scheduler", "one is active")
    else:
        yield fail("scheduler", "none is active", "start one, or end the one that hangs")


def _keeping(patient: Patient, found: Health) -> Iterator[Finding]:
    level = patient.settings.durability
    if level is Durability.MEMORY:
        yield warn(
            "redis keeps",
            "nothing is asked of it: durability is memory",
            "use fsync or aof for real messages",
        )
        return
    if found.policy != "noeviction":
        yield fail("redis keeps", f"it evicts keys: {found.policy}", "set maxmemory-policy noeviction")
    if not found.keeps_file:
        yield fail("redis keeps", "no append-only file", "set appendonly yes")
    else:
        yield _kept(found, level)


def _kept(found: Health, level: Durability) -> Finding:
    if level is Durability.REPLICA and not found.followed:
        return fail("redis keeps", "no replica follows: sends get 503", "start one, or set durability fsync")
    return ok("redis keeps", f"append-only file, fsync {found.fsync}, durability {level}")


def _memory(patient: Patient, found: Health) -> Finding:
    text = f"{found.used / 1024**2:.0f} MiB used"
    if not found.most:
        return warn("redis memory", f"{text}, no limit", "set maxmemory, so that the door can close in time")
    share = found.used / found.most
    text += f", {share:.0%} of the limit"
    if share > patient.settings.redis_memory_watermark:
        return fail("redis memory", f"{text}: sends get 503", "add memory, or let the work drain")
    return ok("redis memory", text)


def _backlog(text: str, oldest: str) -> Finding:
    try:
        age_s = time.time() - made_at_ms(oldest) / 1000
    except ValueError:  # webhooks are listed by their digest
        return ok("backlog", text)
    text += f", the oldest for {age_s:.0f} s"
    return (
        ok("backlog", text)
        if age_s < _LONG_S
        else warn("backlog", text, "see the worker's log; is the carrier slow?")
    )


def database(patient: Patient) -> Iterator[Finding]:
    """Check that the database is there and up to date."""
    from broker.storage import schema
    from broker.storage.away import StorageAway

    file = patient.database_url.removeprefix("sqlite:///")
    if patient.database_url.startswith("sqlite:///") and not Path(file).exists():
        yield warn("database", f"{file} is not there yet", "start the stack once: ./run up")
        return
    kind = patient.database_url.split(":", 1)[0]
    try:
        current = schema.is_current(patient.database_url)
    except StorageAway as error:
        yield fail(
            "database",
            f"{kind} does not answer ({type(error).__name__})",
            "start it, or mend BROKER_DATABASE_URL",
        )
        return
    if current:
        yield ok("database", f"{kind}, up to date")
    else:
        yield fail("database", f"{kind}, not up to date", "bring it up to date: ./run prepare")
