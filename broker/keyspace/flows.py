"""Flows: who takes turns with whom for the next take."""

from functools import lru_cache

from broker.domain.message import Message, Priority

CLASS_TURNS = 2**45
"""Turns of one class: enough for a hundred years without an idle moment."""


@lru_cache(maxsize=1024)
def flow(account: str, priority: Priority) -> str:
    """Return the flow of an account's messages; its bulk has one of its own, in the class behind all others."""
    return f"1:{account}" if priority is Priority.BULK else f"0:{account}"


def flow_of(message: Message) -> str:
    """Return a message's flow."""
    return flow(message.account, message.priority)
