"""What needs a person, while nobody can say."""

from typing import Any

import pytest

from broker.errors import Busy, RecordsAway
from broker.services.attention import Attention
from broker.settings import Settings

pytestmark = pytest.mark.asyncio


class Away:
    """Connections that cannot be read."""

    def __init__(self) -> None:
        self.asked = 0

    async def all(self) -> Any:
        """Count who asks, and fail."""
        self.asked += 1
        raise RecordsAway("accounts cannot be read now")


async def test_that_nobody_can_say_is_found_out_once_for_all_pages() -> None:
    away: Any = Away()
    nothing: Any = None
    attention = Attention(nothing, nothing, away, Settings())
    for _ in range(3):
        with pytest.raises(Busy, match="accounts cannot be read now"):
            await attention.look()
    assert away.asked == 1
