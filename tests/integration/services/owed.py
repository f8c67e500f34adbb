"""Callbacks on record, and takes until they are as a test wants them."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from broker.runtime import Runtime
from broker.services import callback

WITHIN_S = 30.0


def rows(runtime: Runtime) -> list[Any]:
    """Return every callback on record."""
    return runtime.database.read(lambda sql: list(sql.execute(text("SELECT * FROM callbacks ORDER BY id"))))


def until(runtime: Runtime, question: Callable[[], object]) -> None:
    """Take again and again until something is so."""
    deadline = time.monotonic() + WITHIN_S
    while not question():
        assert time.monotonic() < deadline, rows(runtime)
        callback.take(runtime)
        time.sleep(0.01)


def all_are(runtime: Runtime, state: str) -> Callable[[], bool]:
    """Return what asks whether all callbacks stand so."""
    return lambda: {row.state for row in rows(runtime)} == {state}
