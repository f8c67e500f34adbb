"""The command that prints a connection's event log."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from broker.cli import printing
from broker.cli.client import Api

_PAGE = 200
_POLL_S = 1.0
_ARROWS = {"out": "→", "in": "←", "none": "·"}


def show(
    api: Api, connection: str, wanted: Mapping[str, str | None], *, limit: int, follow: bool, json: bool
) -> None:
    """Print the newest entries, the oldest of them first; with `follow`, also what comes, until interrupted."""
    path = f"/v1/connections/{quote(connection, safe='')}/log"
    shown: list[str] = []
    while True:
        fresh = [entry for entry in newest(api, path, wanted, limit=limit) if entry["id"] not in set(shown)]
        for entry in fresh:
            if printing.as_json(json):
                printing.line(entry)
            else:
                print(line(entry), flush=True)
        if not follow:
            return
        shown = [*shown, *(entry["id"] for entry in fresh)][-20 * _PAGE :]
        limit = max(limit, _PAGE)
        time.sleep(_POLL_S)


def newest(api: Api, path: str, wanted: Mapping[str, str | None], *, limit: int) -> list[dict[str, Any]]:
    """Return the newest entries, the oldest of them first."""
    return list(api.rows(path, limit=limit, **wanted))[::-1]


def line(entry: Mapping[str, Any]) -> str:
    """Return an entry in one line, with its body below."""
    level = "" if entry["level"] == "INFO" else f"{entry['level']} "
    tags = " ".join(f"{tag['name']}={tag['value']}" for tag in entry["tags"])
    words = (entry["message_id"], f"{level}{entry['text']}", tags)
    head = f"{entry['at'][11:23]}  {_ARROWS[entry['direction']]} {entry['kind']:<16}  "
    below = f"\n                {entry['body']}" if entry["body"] else ""
    return head + "  ".join(word for word in words if word) + below
