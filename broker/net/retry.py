"""Quick repeats of what certainly never reached the other side."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from broker.errors import Unavailable

T = TypeVar("T")


async def quickly(
    call: Callable[[], Awaitable[T]], *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> T:
    """Call, and call again up to three times within two seconds, while the other side certainly did not take it.

    For token, upload and never-connected requests; the create call of a message runs once per attempt. An answer
    that named a time to come back is not repeated here: that wait belongs to the schedule.
    """
    retrying = AsyncRetrying(
        sleep=sleep,
        retry=retry_if_exception(_is_brief),
        stop=stop_after_attempt(4) | stop_before_delay(2.0),
        wait=wait_random_exponential(multiplier=0.1, max=0.8),
        reraise=True,
    )
    return await retrying(call)


def _is_brief(error: BaseException) -> bool:
    return isinstance(error, Unavailable) and error.retry_after_s is None
