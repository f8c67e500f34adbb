"""The stack's folder, secrets and processes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from broker.cli.doctor import Finding, Patient, fail, ok, warn

_SECRET_LENGTH = 32


def secret(patient: Patient) -> Iterator[Finding]:
    """Check the key that everything hangs on."""
    if not patient.secret_key:
        yield fail("secret key", "there is none", "set BROKER_SECRET_KEY, or start the stack once: ./run up")
    elif len(patient.secret_key) < _SECRET_LENGTH:
        yield fail("secret key", "too short", f"use {_SECRET_LENGTH} characters or more")
    else:
        yield ok("secret key", f"{len(patient.secret_key)} characters")
    for file in sorted(patient.folder.path.glob("*.key")):
        if file.stat().st_mode & 0o077:
            yield fail("secret key", f"{file} can be read by others", f"chmod 600 {file}")


def folders(patient: Patient) -> Iterator[Finding]:
    """Check that what must be kept can be written."""
    for path in (patient.folder.path, patient.settings.attachments):
        try:
            _try(path)
        except OSError as error:
            yield fail("folders", f"{path}: {error.strerror}", "make it writable for the broker's user")
        else:
            yield ok("folders", f"{path} takes files")


def processes(patient: Patient) -> Iterator[Finding]:
    """Check who runs."""
    holder = patient.folder.holder()
    if holder is None:
        if patient.endpoints:
            yield warn(
                "processes", "the last `up` was killed, its endpoints.json is old", "start it again: ./run up"
            )
        else:
            yield warn("processes", f"no `up` runs on {patient.folder.path}", "start it: ./run up")
        return
    roles = patient.endpoints.get("processes")
    if not isinstance(roles, dict):
        yield warn("processes", f"process {holder} is starting the stack", "look again in a moment")
        return
    dead = [f"{role} {pid}" for role, pids in roles.items() for pid in pids if not _alive(pid)]
    if dead:
        yield fail("processes", f"not running: {', '.join(dead)}", f"see why in {patient.folder.logs}")
    else:
        yield ok("processes", ", ".join(f"{len(pids)} {role}" for role, pids in roles.items()))


def public_url(patient: Patient) -> Iterator[Finding]:
    """Check the address that carriers are told."""
    url = patient.settings.public_url
    if url and not url.startswith("https://"):
        yield warn("public url", url, "give carriers an https address: media links are secrets")
    elif url:
        yield ok("public url", url)


def _try(folder: Path) -> None:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    with tempfile.NamedTemporaryFile(dir=place) as file:
        file.write(b"doctor")
        file.flush()
        os.fsync(file.fileno())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
