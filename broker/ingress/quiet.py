"""Keep what could not be read as HTTP out of logs, answers too: it may hold a password, a number or a text."""

import logging
from http import HTTPStatus

from aiohttp import web
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


class QuietServer(web.Server):
    """A server whose answers to what cannot be read do not quote it."""

    def __call__(self) -> web.RequestHandler:
        """Return the handler of one connection."""
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  # it quotes the request
    ) -> web.StreamResponse:
        """Answer with the status alone."""
        return super().handle_error(request, status, exc, HTTPStatus(status).phrase)
