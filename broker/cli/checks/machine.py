"""The machine: Python, packages, limits, disk."""

import platform
import resource
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata

from broker.cli.doctor import Finding, Patient, fail, ok, warn

_PINNED = {"celery": "5.6.3", "kombu": "5.6.2", "redis": "6.4.0"}
_LEAST_FILES = 4096
_LOW_BYTES, _OUT_BYTES = 2 * 1024**3, 200 * 1024**2


def python(_: Patient) -> Iterator[Finding]:
    """Check the interpreter."""
    version = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036  # the package can be run without being installed
        yield fail("python", version, "use Python 3.11 or newer")
    else:
        yield ok("python", f"{version} on {platform.system()} {platform.machine()}")


def packages(_: Patient) -> Iterator[Finding]:
    """Check the three versions that were tried together."""
    found = {name: metadata.version(name) for name in _PINNED}
    text = ", ".join(f"{name} {version}" for name, version in found.items())
    if found == _PINNED:
        yield ok("packages", text)
    else:
        yield fail("packages", text, f"install the pinned set: {_PINNED}")


def open_files(_: Patient) -> Iterator[Finding]:
    """Check how many connections a process may have."""
    limit, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < _LEAST_FILES:
        yield warn(
            "open files", f"at most {limit} a process", f"raise it: ulimit -n {_LEAST_FILES}, or LimitNOFILE"
        )
    else:
        yield ok("open files", f"at most {limit} a process")


def disk(patient: Patient) -> Iterator[Finding]:
    """Check the room for media and records."""
    place = next(path for path in (patient.folder.path, *patient.folder.path.parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1024**3:.1f} GiB free at {place}"
    if free < _OUT_BYTES:
        yield fail("disk", text, "make room: neither messages nor media can be kept")
    elif free < _LOW_BYTES:
        yield warn("disk", text, "make room soon")
    else:
        yield ok("disk", text)
