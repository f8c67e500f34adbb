"""Ids: time-ordered UUIDs (RFC 9562, version 7) for messages, plain numbers for requests of older APIs."""

import os
import time
import uuid
from datetime import UTC, datetime
from hashlib import sha256

_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def new_id(now_ms: int | None = None) -> str:
    """Return a new UUIDv7 in its usual spelling; ids sort by the millisecond they were made in."""
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    time_, chance = f"{stamp:012x}", os.urandom(10).hex()
    return f"{time_[:8]}-{time_[8:]}-7{chance[:3]}-{_VARIANT[chance[3]]}{chance[4:7]}-{chance[8:]}"


def new_number(now_ms: int | None = None) -> int:
    """Return a positive number of 63 bits: 42 of milliseconds and 21 by chance, so admission must check it is new."""
    stamp = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return stamp << 21 | int.from_bytes(os.urandom(3), "big") >> 3


def stable_number(text: str) -> int:
    """Return the positive number of 63 bits that stands for a text, always the same one."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") >> 1 or 1


def part_id(message_id: str, index: int) -> str:
    """Return the media id by which a stored part of a message can be sent on."""
    return f"{message_id}.{index}"


def read_part_id(text: str) -> tuple[str, int] | None:
    """Return the message and the index that a media id names, or None where it is an upload's or nothing."""
    message_id, dot, index = text.partition(".")
    plain = index.isascii() and index.isdigit() and len(index) < 10  # noqa: PLR2004  # digits
    return (message_id, int(index)) if dot and plain and is_id(message_id) else None


def made_at_ms(identifier: str) -> int:
    """Return the Unix millisecond an id was made in.

    Raises:
        ValueError: it is not one of ours.
    """
    return int(identifier[:8] + identifier[9:13], 16)


def made_at(identifier: str) -> datetime:
    """Return the instant an id was made, in UTC."""
    return datetime.fromtimestamp(made_at_ms(identifier) / 1000, tz=UTC)


def first_id_of(moment: datetime) -> str:
    """Return the lowest id that could have been made at a moment, so that a primary key serves as the clock."""
    stamp = f"{max(0, round(moment.timestamp() * 1000)):012x}"
    return f"{stamp[:8]}-{stamp[8:]}"


def id_after(identifier: str) -> str:
    """Return the lowest id that is above another."""
    return str(uuid.UUID(int=uuid.UUID(identifier).int + 1))


def is_id(text: str) -> bool:
    """Say whether `text` is spelled like one of our ids."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
