"""Keep what could not be read as HTTP out of the logs: it may hold a password, a number or a text."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


class WithoutContent(logging.Filter):
    """Takes from aiohttp's lines the exceptions that quote the request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, without what the client sent."""
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, HttpProcessingError):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args = "Unreadable request: %s", (type(fault).__name__,)
        return True
