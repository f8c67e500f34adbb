"""Answers of translators, as aiohttp wants them."""

from aiohttp import web

from broker.domain.wire import Response


def to_web(response: Response, *, private: bool = False) -> web.Response:
    """Return the answer; a `private` one is kept by no cache."""
    answer = web.Response(status=response.status, body=response.body, headers=response.headers)
    if private:
        answer.headers["Cache-Control"] = "no-store"
    return answer
