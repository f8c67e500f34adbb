"""What a message takes of a connection's rate."""

from broker.domain.message import Message
from broker.domain.text import segments

SEGMENTS = "segments"
"""The unit of a connection whose carrier counts the segments of a text; any other counts messages."""

MOST = 511
"""A message that would take more takes this."""


def price(message: Message, unit: str) -> int:
    """Return how many messages, or segments, a submission counts as: a group as one for each recipient."""
    if message.group:
        return min(len(message.members), MOST)
    if unit == SEGMENTS and not message.is_mms:
        return min(segments(message.text).parts, MOST)
    return 1
