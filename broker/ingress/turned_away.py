"""Requests that were refused, each with a line in the log, but no more than a log can bear."""

import time
from collections.abc import Callable

from broker.errors import AdmissionError, RequestError
from broker.log import get_logger

log = get_logger()

MOST = 100
"""Most lines of a second: whoever knocks must not be able to fill a disk."""


class TurnedAway:
    """Logs refusals with the error's code; what is over the bound is counted, and told of with the next line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._told = 0
        self._untold = 0

    def tell(self, where: str, error: RequestError | AdmissionError) -> None:
        """Log a refusal by a dialect or at a path's pattern."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._told = second, 0
        if self._told >= MOST:
            self._untold += 1
            return
        self._told += 1
        if self._untold:
            log.warning("requests_refused_untold", requests=self._untold)
            self._untold = 0
        log.info("request_refused", where=where, code=error.code)
