"""What messages are called: by their customer's own id, else by ours, which may be short (sheet 3.3 and 5.1)."""

import secrets
import string

from broker.domain.message import Direction, Message

SHORT = 12
"""Characters of a short id: enough for no two of an account to be the same, and short enough for all clients."""
_LETTERS = string.ascii_uppercase + string.digits


def short_id() -> str:
    """Return a new id of capital letters and digits, as the vendor's older versions give."""
    return "".join([secrets.choice(_LETTERS) for _ in range(SHORT)])


def id_of(message: Message) -> str:
    """Return the id that a message has for its customer."""
    return (message.direction is Direction.OUT and message.reference) or message.id
