"""The carrier's journal, read as it grows."""

from datetime import datetime
from pathlib import Path

import orjson

from broker.cli.chaos.books import Create, marker_of


class Carried:
    """What the carrier took, by its own file."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._at = 0
        self.creates: list[Create] = []
        self.markers: set[str] = set()

    def read(self) -> None:
        """Take in the lines that came since the last time."""
        if not self._journal.exists():
            return
        with self._journal.open("rb") as file:
            file.seek(self._at)
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return
        self._at += len(whole) + 1
        for line in whole.splitlines():
            self._add(orjson.loads(line))

    def _add(self, line: dict[str, object]) -> None:
        if not line["id"]:
            return
        marker = marker_of(str(line["text"]))
        at = datetime.fromisoformat(str(line["at"])).timestamp()
        message = str(line["tag"]).rpartition(".")[0]
        to = line["to"]
        assert isinstance(to, list)
        self.markers.add(marker)
        self.creates += [Create(at=at, message=message, marker=marker, to=each) for each in to]
