"""Values as people read them: times, ages, sizes, numbers of phones, states."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from broker.console.visit import ROOT
from broker.console.ways import risk
from broker.domain.address import mask, mask_within
from broker.domain.deed import kept
from broker.domain.redaction import redact_url
from broker.domain.remedy import ERRORS as REMEDIED
from broker.domain.status import Status
from broker.services.catalogue import DEAD, explain

ERRORS = f"{ROOT}errors"

_TONES: Mapping[str, frozenset[str]] = {
    "good": frozenset({Status.DELIVERED, Status.READ, Status.READY, Status.FORWARDED}),
    "bad": frozenset(
        {Status.REJECTED, Status.FAILED, Status.UNDELIVERED, Status.EXPIRED, Status.UNFORWARDED}
    ),
    "odd": frozenset({Status.RETRYING, Status.UNKNOWN, Status.UNCONFIRMED, Status.INCOMPLETE}),
    "off": frozenset({Status.CANCELLED}),
}
SIGNS: Mapping[str, str] = {"good": "✓", "bad": "✕", "odd": "!", "off": "○", "busy": "→"}
"""Beside the word and the colour: no state is told by its colour alone."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def tone(status: str) -> str:
    """Return how a state is to be taken: good, bad, odd, off, or busy."""
    return next((name for name, those in _TONES.items() if status in those), "busy")


def sign(name: str) -> str:
    """Return the sign of a tone."""
    return SIGNS[name]


def clock(at: datetime | None) -> str:
    """Return a time of day in UTC, to the millisecond."""
    return "" if at is None else at.astimezone(UTC).strftime("%H:%M:%S.%f")[:-3]


def moment(at: datetime | None) -> str:
    """Return a date and time in UTC."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def unix(at_ms: int) -> datetime:
    """Return a moment that is told in Unix milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC)


def exact(at: datetime) -> str:
    """Return a time as machines read it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lasted(seconds: float) -> str:
    """Return a length of time, in the unit that fits it."""
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"
    return f"{int(seconds // _DAY)} d {int(seconds % _DAY // _HOUR)} h"


def rate(number: float) -> str:
    """Return how many a second: the slower, the more exactly."""
    return f"{number:.2f}" if 0 < number < 1 else f"{number:,.0f}" if number >= 100 else f"{number:.1f}"  # noqa: PLR2004


def size(number: int) -> str:
    """Return a number of bytes."""
    amount = float(number)
    for unit in ("B", "kB"):
        if amount < 1000:  # noqa: PLR2004  # as disks count
            return f"{amount:.0f} {unit}"
        amount /= 1000
    return f"{amount:.1f} MB"


def count(number: float) -> str:
    """Return a number with its thousands apart."""
    return f"{number:,}"


def short(identifier: str) -> str:
    """Return the end of an id, where those made together differ."""
    return identifier[-12:]


def place(url: str) -> str:
    """Return scheme, host and path of somebody's address: the rest may be a secret."""
    return redact_url(url)


def cause_place(source: str, code: str) -> str:
    """Return the page that says what a cause means."""
    return f"{ERRORS}/{quote(source, safe='')}/{quote(code, safe='')}"


def explained(detail: str) -> str:
    """Return the page that says what a line of a message's record means; empty where there is none."""
    found = explain(detail)
    return cause_place(found[0], found[1].code) if found else ""


def explained_letter(error: str, kind: str) -> str:
    """Return the page that says what to do about dead letters of a kind with an error."""
    known = next((name for name in (error, *error.split(" from ")) if name in REMEDIED), kind)
    return cause_place(DEAD, known)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "tone": tone,
    "sign": sign,
    "clock": clock,
    "moment": moment,
    "unix": unix,
    "exact": exact,
    "lasted": lasted,
    "size": size,
    "rate": rate,
    "count": count,
    "short": short,
    "masked": mask,
    "prose": mask_within,
    "reason": kept,
    "place": place,
    "risk": risk,
    "explained": explained,
    "explained_letter": explained_letter,
}
