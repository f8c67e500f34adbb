"""The simulator's fault dials as fields of a form: how each is written, and what it says."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.domain.address import is_e164
from broker.errors import InvalidField

LONGEST_WAIT_MS = 60_000
MOST = 100
"""Most things that one dial lists."""
_PIECES = re.compile(r"[\s,]+")
_CODE = re.compile(r"[1-9][0-9]{2,3}")
_COUNT = re.compile(r"[0-9]{1,6}")

_Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """One dial. `kind` says how it is written, `rest` where it stands while nothing is wrong."""

    name: str
    words: str
    kind: str
    rest: Any = 0
    choices: Mapping[str, str] | None = None

    def read(self, text: str) -> Any:
        """Return what was written, as the simulator takes it; nothing is rest.

        Raises:
            InvalidField: it cannot be read, or is out of bounds.
        """
        read, wanted = _KINDS[self.kind]
        try:
            if self.choices is not None and text not in self.choices:
                raise ValueError(text)
            return read(text) if text else self.rest
        except ValueError as error:
            raise InvalidField(f"{self.words}: {wanted}") from error

    def shown(self, value: Any) -> str:
        """Return what a field says where a dial stands so; `value` is the simulator's."""
        if value == self.rest:
            return ""
        if isinstance(value, Mapping):
            return " ".join(f"{key}={_plain(one)}" for key, one in value.items())
        return " ".join(map(str, value)) if isinstance(value, list) else _plain(value)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _within(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if math.isnan(value) or not least <= value <= most:
            raise ValueError(text)
        return value

    return read


def _number(form: re.Pattern[str]) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not form.fullmatch(text):
            raise ValueError(text)
        return int(text)

    return read


_share, _code, _wait = _within(0, 1), _number(_CODE), _within(0, LONGEST_WAIT_MS)


def _listed(text: str) -> list[str]:
    pieces = [one for one in _PIECES.split(text) if one]
    if len(pieces) > MOST:
        raise ValueError(text)
    return pieces


def _pairs(text: str) -> _Pairs:
    split = [one.partition("=") for one in _listed(text)]
    if not all(middle for _, middle, _ in split):
        raise ValueError(text)
    return [(key, value) for key, _, value in split]


def _shares(text: str) -> dict[str, float]:
    found = {str(_code(key)): _share(value) for key, value in _pairs(text)}
    if sum(found.values()) > 1 + 1e-9:
        raise ValueError(text)
    return found


def _numbers(text: str) -> dict[str, int]:
    found = {key: _code(value) for key, value in _pairs(text)}
    if not all(map(is_e164, found)):
        raise ValueError(text)
    return found


_KINDS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "share": (_share, "a share is a number from 0 to 1"),
    "ms": (_wait, f"a wait is at most {LONGEST_WAIT_MS} ms"),
    "seconds": (_within(0, 3600), "at most 3600 seconds"),
    "life": (_number(_COUNT), "whole seconds"),
    "rate": (_within(0.01, 100_000), "a number above 0"),
    "count": (_number(_COUNT), "a whole number"),
    "flag": (lambda _: True, "yes or nothing"),
    "unless": (lambda _: False, "yes or nothing"),
    "choice": (str, "one of the list"),
    "shares": (_shares, "codes with their shares, at most 1 together, as 503=0.2 429=0.1"),
    "codes": (lambda text: [_code(one) for one in _listed(text)], "codes, as 503 503 429"),
    "numbers": (_numbers, "numbers with their codes, as +12025550101=4720"),
}
"""How each kind is read, and what is said where it cannot be."""

GROUPS: Mapping[str, Sequence[Dial]] = {
    "Answers": (
        Dial(name="latency_ms", words="Wait before each answer, in ms", kind="ms"),
        Dial(name="latency_jitter_ms", words="And a random wait on top, up to so many ms", kind="ms"),
        Dial(
            name="throttle_rate",
            words="Messages a second above which the answer is 429",
            kind="rate",
            rest=None,
        ),
        Dial(name="retry_after_s", words="Retry-After of 429 and 503, in seconds", kind="seconds", rest=None),
        Dial(name="errors", words="Share refused with a status", kind="shares", rest={}),
        Dial(name="next_statuses", words="The next are refused with these statuses", kind="codes", rest=[]),
        Dial(name="html_errors", words="Answers of 5xx are a gateway's page", kind="flag", rest=False),
        Dial(name="drop_before_accept", words="Share whose connection breaks, not taken", kind="share"),
        Dial(name="accept_then_drop", words="Share whose connection breaks, taken", kind="share"),
        Dial(name="no_id", words="Share taken without an id in the answer", kind="share"),
    ),
    "Reports": (
        Dial(name="event_delay_ms", words="Wait before each report, in ms", kind="ms", rest=None),
        Dial(name="events_before_answer", words="Reports come before the answer", kind="flag", rest=False),
        Dial(name="duplicate_events", words="Share of reports told twice", kind="share"),
        Dial(
            name="reorder_events",
            words="Share of messages whose reports come in the wrong order",
            kind="share",
        ),
        Dial(name="drop_events", words="Share of reports never told", kind="share"),
        Dial(name="failures", words="Share of recipients that fail with a code", kind="shares", rest={}),
        Dial(
            name="recipient_failures",
            words="Magic numbers, which always fail with a code",
            kind="numbers",
            rest={},
        ),
    ),
    "Media": (
        Dial(
            name="broken_media",
            words="Downloads from the store",
            kind="choice",
            rest="",
            choices={
                "": "work",
                "cut": "break off half-way",
                "slow": "trickle",
                "404": "are not found (404)",
                "401": "are not allowed (401)",
                "type": "are something else than they say",
            },
        ),
        Dial(name="broken_media_count", words="So many of them, then they work", kind="count", rest=None),
        Dial(name="upload_errors", words="Share of uploads refused with a status", kind="shares", rest={}),
        Dial(name="fetch_media", words="Links of messages are not fetched", kind="unless", rest=True),
    ),
    "Tokens": (
        Dial(name="token_fail", words="Share of token requests answered 401", kind="share"),
        Dial(
            name="token_errors", words="Share of token requests refused with a status", kind="shares", rest={}
        ),
        Dial(name="token_life_s", words="Life of new tokens, in seconds", kind="life", rest=None),
        Dial(
            name="revoke_tokens", words="Each turn ends all tokens that were given", kind="flag", rest=False
        ),
    ),
}
"""Every dial that is turned here, by what it is about; the rest is at the simulator's own address."""
DIALS = [dial for group in GROUPS.values() for dial in group]


def turned(faults: Mapping[str, Any]) -> list[Dial]:
    """Return the dials that do not rest."""
    return [dial for dial in DIALS if faults[dial.name] != dial.rest]
