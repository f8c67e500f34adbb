"""The parts of a message that are with us, and their bytes."""

from collections.abc import Sequence
from pathlib import Path

from broker.domain.message import Message, Part, PartState


def stored_parts(message: Message) -> tuple[Part, ...]:
    """Return the parts of a message whose bytes are with us."""
    return tuple(part for part in message.parts if part.state is PartState.STORED)


def read_parts(stored: Sequence[Part]) -> dict[int, bytes]:
    """Return the bytes of parts by their index; a file that somebody removed is left out."""
    found = {}
    for part in stored:
        try:
            found[part.index] = Path(part.path or "").read_bytes()
        except OSError:
            continue
    return found
