"""How messages look on a terminal, and in a pipe."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

GOOD = frozenset({"delivered", "read", "forwarded", "ready"})
BAD = frozenset(
    {"rejected", "failed", "undelivered", "expired", "cancelled", "unconfirmed", "incomplete", "unforwarded"}
)
FINAL = (GOOD | BAD) - {"ready", "incomplete"}
_SHORT = 7


def as_json(wanted: bool) -> bool:
    """Say whether to print JSON lines: when asked, and to anything but a terminal."""
    return wanted or not sys.stdout.isatty()


def line(value: object) -> None:
    """Print one value as one line of JSON."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def rows(found: Iterable[Mapping[str, Any]], told: Callable[[Mapping[str, Any]], str], *, json: bool) -> None:
    """Print rows as they come: each in words, or as a line of JSON."""
    for row in found:
        if as_json(json):
            line(row)
        else:
            print(told(row))


def number(address: str, *, mask: bool) -> str:
    """Return an address, with its middle hidden where that is wanted."""
    return f"{address[:5]}***{address[-4:]}" if mask and len(address) > _SHORT + 2 else address


def summary(message: Mapping[str, Any], *, mask: bool) -> str:
    """Return a message in one aligned line."""
    arrow = "→" if message["direction"] == "out" else "←"
    ends = f"{number(message['from'], mask=mask)} {arrow} {number(message['to'], mask=mask)}"
    kind = "MMS" if message["parts"] else "SMS"
    return f"{message['created_at'][11:23]}  {message['id']}  {kind}  {ends:<28}  {message['status']}"


def story(message: Mapping[str, Any]) -> str:
    """Return all that is known of a message, for reading."""
    rows = [
        (name, message.get(name))
        for name in (
            "id",
            "status",
            "direction",
            "from",
            "to",
            "subject",
            "text",
            "reference",
            "connection",
            "provider_ref",
        )
    ]
    lines = [f"{name:<14}{value}" for name, value in rows if value]
    if message.get("possible_duplicate"):
        lines.append("              may have been sent twice: the carrier's answer to an attempt was lost")
    lines += [
        f"part {part['index']:<9}{part['content_type']}  {part['size']} bytes  {part['state']}  {part['path']}"
        for part in message["parts"]
    ]
    lines += [f"tag           {tag['name']} = {tag['value']}" for tag in message["tags"]]
    lines += [
        _joined(
            f"attempt {attempt['number']:<6}{attempt['started_at']}", attempt["outcome"], attempt["error"]
        )
        for attempt in message.get("attempts", ())
    ]
    lines += [
        _joined(
            f"event {event['seq']:<8}{event['at']}", f"{event['type']:<12}", event["status"], event["detail"]
        )
        for event in message.get("events", ())
    ]
    return "\n".join(lines)


def _joined(*words: str | None) -> str:
    return "  ".join(word for word in words if word).rstrip()
