"""What every outbound HTTP client promises."""

from abc import ABC, abstractmethod

from broker.domain.wire import Request, Response

ANSWER_LIMIT = 1024 * 1024
"""Largest body of an answer, in bytes; more is no answer we can use."""

HEAD_LIMIT = 64 * 1024
"""Largest status line and headers of an answer, in bytes."""

IDLE_S = 15.0
"""How long an unused connection is kept; shorter than any carrier's own limit, so that ours is the first to close."""


class Client(ABC):
    """Send requests, each once, over connections that are kept for the next one.

    A client lives on one event loop and is made while that loop runs. It follows no redirect, keeps no cookie,
    reads no proxy variable and unpacks no body.
    """

    @abstractmethod
    async def send(self, request: Request, *, timeout_s: float) -> Response:
        """Send one request and return the whole answer, whatever its status; `timeout_s` covers everything.

        Raises:
            Unavailable: name, connection or TLS failed, so nothing was sent.
            OutcomeUnknown: the request was written, and no readable answer came back in time.
            Rejected: the request cannot be put into HTTP at all.
            MediaForbidden: a guarded client was asked to go where it must not.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close every connection; requests in flight end as OutcomeUnknown."""
