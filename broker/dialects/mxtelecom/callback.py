"""MX Telecom's callbacks: what they are, how they are told, and when they were heard (sheet mxtelecom, section 7)."""

from collections.abc import Iterable

from broker.dialects.mxtelecom.arrivals import pushed
from broker.dialects.mxtelecom.options import Options
from broker.dialects.mxtelecom.reports import reported
from broker.domain.callback import NEWS, Callback, InboundMode, Telling
from broker.domain.message import Direction
from broker.domain.status import Status
from broker.domain.value import replace
from broker.domain.wire import Request, Response

TELLING = Telling(
    # A repeated try is news here. The receipt of a carrier is only where it has a number, and an MMS whose media is
    # still on its way never is.
    news=NEWS - {Status.SUBMITTED, Status.RELAYED, Status.FETCHING} | {Status.RETRYING},
    timeout_s=60,
    connect_s=10,
    slow_s=10,
    waits_s=(30, 60, 120, 240, 480, 960, 1920, 3840, 7680),
    attempts=10,
    holds_gone=False,
    brings_files=True,
)


def with_numbers(telling: Telling, statuses: Iterable[str]) -> Telling:
    """Return how customers are told where these statuses have numbers."""
    return replace(telling, news=telling.news | {Status(name) for name in statuses})


def told(callback: Callback, options: Options) -> Request | None:
    """Return the request, or None where nobody asked for this report or there is no word for it."""
    if callback.message.direction is Direction.IN:
        return pushed(callback, keep_s=options.keep_s, retrieve_url=options.retrieve_url)
    return reported(callback, numbers=options.numbers, reasons=options.reasons)


def wants_files(callback: Callback) -> bool:
    """Say whether the bytes of the parts are needed to tell of it: the whole MMS goes along."""
    message = callback.message
    return (
        message.direction is Direction.IN and message.is_mms and callback.manner.inbound is InboundMode.POST
    )


def was_heard(answer: Response) -> bool:
    """Say whether a customer has heard: only a 200 with a body says so."""
    return answer.status == 200 and bool(answer.body)  # noqa: PLR2004
