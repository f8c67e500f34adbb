"""What is repeated at once."""

from collections.abc import Awaitable, Callable

import pytest

from broker.errors import BrokerError, NotAuthorised, OutcomeUnknown, Rejected, Throttled, Unavailable
from broker.net.retry import quickly


class Dial:
    """Fails with each of `errors`, then answers; notes the waits in between."""

    def __init__(self, *errors: BrokerError) -> None:
        self.errors = list(errors)
        self.calls = 0
        self.waits: list[float] = []

    async def call(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    @property
    def sleep(self) -> Callable[[float], Awaitable[None]]:
        async def note(seconds: float) -> None:
            self.waits.append(seconds)

        return note


async def test_a_success_is_returned_at_once() -> None:
    dial = Dial()
    assert await quickly(dial.call, sleep=dial.sleep) == "done"
    assert (dial.calls, dial.waits) == (1, [])


async def test_what_was_not_sent_is_tried_again() -> None:
    dial = Dial(Unavailable("refused"), Unavailable("refused"))
    assert await quickly(dial.call, sleep=dial.sleep) == "done"
    assert dial.calls == 3


async def test_it_gives_up_after_four_calls_within_two_seconds() -> None:
    dial = Dial(*(Unavailable(str(number)) for number in range(9)))
    with pytest.raises(Unavailable, match="3"):
        await quickly(dial.call, sleep=dial.sleep)
    assert dial.calls == 4
    assert sum(dial.waits) < 2


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown("reset"),
        Rejected("no"),
        NotAuthorised("who"),
        Throttled("slow down"),
        Unavailable("come back", retry_after_s=5),
    ],
)
async def test_all_else_is_raised_at_once(error: BrokerError) -> None:
    dial = Dial(error)
    with pytest.raises(type(error)):
        await quickly(dial.call, sleep=dial.sleep)
    assert dial.calls == 1
