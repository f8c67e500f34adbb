"""This worker process's one runtime."""

from broker.runtime import Runtime
from broker.settings import Settings

_held: list[Runtime] = []


def open_runtime(settings: Settings) -> None:
    """Open the handles; after the fork, before the first task."""
    _held.append(Runtime.open(settings))


def current() -> Runtime:
    """Return the open handles."""
    return _held[-1]


def close_runtime() -> None:
    """Close the handles; after the last task."""
    while _held:
        _held.pop().close()
