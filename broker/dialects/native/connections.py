"""Connections as operators see, stop, resume, change and try them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from broker.dialects.native.body import load
from broker.dialects.native.fields import fields, texts
from broker.dialects.native.lookup import stamp
from broker.dialects.native.parameters import moment_of
from broker.domain.draft import Draft
from broker.domain.message import Tag
from broker.domain.usage import FASTEST, Rate, Stop, Usage
from broker.domain.wire import Call, Response
from broker.errors import InvalidField, Malformed, MissingField

_JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
_STOPPED = {Stop.PAUSE: "paused", Stop.HOLD: "on_hold"}


def parse_reason(call: Call) -> str:
    """Return the reason that a request gives.

    Raises:
        RequestError: there is none, or anything else.
    """
    return fields(call, needed=("reason",))["reason"]


def parse_stop(call: Call) -> tuple[str, datetime | None]:
    """Return the reason of a stop, and when it ends by itself, if it does.

    Raises:
        RequestError: there is no reason, or something that cannot be used.
    """
    given = fields(call, needed=("reason",), also=("until",))
    return given["reason"], moment_of(given, "until")


def parse_rate(call: Call) -> tuple[Rate, str]:
    """Return the rates that a request gives, `null` for none, and its reason.

    Raises:
        RequestError: there is neither rate, or something that cannot be used.
    """
    raw = load(call.body)
    if not isinstance(raw, dict):
        raise Malformed("the body must be a JSON object")
    given = {name: raw.pop(name) for name in ("mps", "sender_mps") if name in raw}
    reason = texts(raw, needed=("reason",))["reason"]
    if not given:
        raise MissingField("is required", pointer="/mps")
    rates = {name: None if value is None else rate_of(value, name) for name, value in given.items()}
    return Rate(**rates, given=frozenset(given)), reason


def rate_of(value: Any, name: str) -> float:
    """Return a rate, if it is one that a person may give.

    Raises:
        InvalidField: it is not.
    """
    if type(value) not in (int, float) or not 0 < value <= FASTEST:
        raise InvalidField(f"must be a number above 0, at most {FASTEST}, or none", pointer=f"/{name}")
    return float(value)


def parse_trial(call: Call, name: str, *, by: str, key: str) -> tuple[str, Draft]:
    """Return the account and the draft of a message that an operator sends over a connection to try it.

    Raises:
        RequestError: something is missing, or cannot be used.
    """
    given = fields(call, needed=("account", "to", "text"), also=("from",))
    draft = trial(name, to=given["to"], originator=given.get("from"), text=given["text"], by=by, key=key)
    return given["account"], draft


def trial(name: str, *, to: str, originator: str | None, text: str, by: str, key: str) -> Draft:
    """Return the draft of a message that tries a connection; with the same `key` it is sent once."""
    words = "\0".join((name, to, originator or "", text))
    return Draft(
        recipients=(to,),
        originator=originator or None,
        text=text,
        connection=name,
        tags=(Tag(name="test", value=by),),
        key=f"test of {by}: {key}" if key else None,
        digest=hashlib.sha256(words.encode(errors="surrogatepass")).hexdigest(),
    )


def connections_listed(rows: Sequence[Usage]) -> Response:
    """Return how connections stand."""
    return Response(status=200, headers=_JSON, body=orjson.dumps({"data": [_row(row) for row in rows]}))


def connection_changed(row: Usage) -> Response:
    """Return how one connection stands now."""
    return Response(status=200, headers=_JSON, body=orjson.dumps(_row(row)))


def tried(message_id: str) -> Response:
    """Return the id of a message that tries a connection."""
    return Response(status=202, headers=_JSON, body=orjson.dumps({"id": message_id, "status": "accepted"}))


def _state(row: Usage) -> str:
    if row.stop in _STOPPED:
        return _STOPPED[row.stop]
    if row.held_at:
        return "held"
    if row.stop is Stop.DRAIN:
        return "draining" if row.left else "drained"
    return "open"


def _row(row: Usage) -> dict[str, Any]:
    state = _state(row)
    since = row.held_at if state == "held" else row.paused_at
    return {
        "name": row.name,
        "provider": row.provider,
        "state": state,
        "since": None if since is None else stamp(since),
        "until": None if row.paused_until is None else stamp(row.paused_until),
        "reason": row.held_reason if state == "held" else row.paused_reason,
        "mps": row.mps,
        "sender_mps": row.sender_mps,
        "mps_unit": row.mps_unit,
        "waiting": row.waiting,
        "circuit": row.circuit,
        "failures": row.failures,
    }
