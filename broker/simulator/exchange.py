"""What a handler of the simulator answers, faults of the wire included."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from broker.domain.wire import Call

JSON = "application/json; charset=utf-8"


class Ending(Enum):
    """How an answer is put on the wire."""

    WHOLE = "whole"
    DROP = "drop"  # the connection ends without a byte of answer
    CUT = "cut"  # the headers promise the whole body, half of it comes
    SLOW = "slow"  # the body trickles


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the simulator."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = Ending.WHOLE


Handler = Callable[[Call], Reply | Awaitable[Reply]]
"""Answers at once where nothing has to be waited for, which spares a task per request."""


def says(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return `value` as a JSON answer."""
    return Reply(status=status, body=orjson.dumps(value), headers=headers or {})


def refusal(status: int, kind: str, description: str, *, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an error in the carrier's usual shape (bandwidth.md 2.2)."""
    return says({"type": kind, "description": description}, status=status, headers=headers)
