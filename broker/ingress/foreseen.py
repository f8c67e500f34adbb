"""The last resort within a request of many steps: one that breaks is not known, and the others are told."""

from collections.abc import Awaitable
from typing import TypeVar

from broker.errors import AdmissionError, RequestError, Unforeseen
from broker.log import get_logger, told_without_content

T = TypeVar("T")
log = get_logger()


async def foreseen(step: Awaitable[T]) -> T:
    """Return what a step returns.

    Raises:
        RequestError, AdmissionError: as the step does.
        Unforeseen: it broke; what became of it is not known.
    """
    try:
        return await step
    except (RequestError, AdmissionError):
        raise
    except Exception as error:
        log.error("step_failed", **told_without_content(error))
        raise Unforeseen("what became of it is not known: something went wrong here") from error
