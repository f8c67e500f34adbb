"""Parameters of the native API's lists, read strictly."""

import math
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from broker.dialects.base import KEY_LIMIT, has_controls, is_clean
from broker.dialects.native.body import escape
from broker.domain.wire import Call
from broker.errors import InvalidRequest, Malformed, RequestError

E = TypeVar("E", bound=StrEnum)

LIMIT, MOST = 50, 200
RATE, MOST_RATE = 10.0, 1000.0
"""How many a second go where the request does not say, and at most."""


class _Several(InvalidRequest, Malformed):
    """Several parameters are wrong."""


def parameters(call: Call, names: Collection[str]) -> dict[str, str]:
    """Return the parameters in a call's query.

    Raises:
        RequestError: one is unknown, there twice or has a value that cannot be used.
    """
    given: dict[str, str] = {}
    wrong: list[RequestError] = []
    for name, value in call.query:
        if name not in names:
            wrong.append(Malformed("is not a parameter of this list", pointer=f"/{escape(name)}"))
        elif name in given:
            wrong.append(Malformed("is there twice", pointer=f"/{name}"))
        elif not is_clean(value) or has_controls(value) or len(value) > KEY_LIMIT:
            wrong.append(Malformed("cannot be used", pointer=f"/{name}"))
        given[name] = value
    if wrong:
        raise wrong[0] if len(wrong) == 1 else _Several(wrong)
    return given


def one_of(kind: type[E], given: Mapping[str, str], name: str) -> E | None:
    """Return a parameter as a member of an enum, None where it is absent.

    Raises:
        Malformed: it is none of the members.
    """
    value = given.get(name)
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        raise Malformed(f"must be one of {', '.join(kind)}", pointer=f"/{name}") from None


def limit_of(given: Mapping[str, str]) -> int:
    """Return how many are wanted.

    Raises:
        Malformed: it is no number, or too large a one.
    """
    value = given.get("limit")
    if not value:
        return LIMIT
    if not (value.isascii() and value.isdigit() and len(value) <= len(str(MOST)) and 1 <= int(value) <= MOST):
        raise Malformed(f"must be a number from 1 to {MOST}", pointer="/limit")
    return int(value)


def moment_of(given: Mapping[str, str], name: str) -> datetime | None:
    """Return a parameter as a time, in UTC where it names no zone; None where it is absent.

    Raises:
        Malformed: it is no time.
    """
    value = given.get(name)
    if not value:
        return None
    try:
        # A plus sign that nobody encoded arrives as a blank.
        at = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Malformed("must be a time such as 2026-01-17T13:10:26Z", pointer=f"/{name}") from None


def rate_of(given: Mapping[str, str]) -> float:
    """Return how many a second are wanted.

    Raises:
        Malformed: it is no number, or too large a one.
    """
    value = given.get("rate")
    try:
        rate = float(value) if value else RATE
    except ValueError:
        rate = math.nan
    if not 0 < rate <= MOST_RATE:
        raise Malformed(f"must be a number over 0 and up to {MOST_RATE:.0f}", pointer="/rate")
    return rate
