"""What nobody foresaw happens to one message of a call: the others are said to be ours, and no log quotes a request."""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from broker import log
from broker.dialects.base import Admitted
from broker.domain.draft import Draft
from broker.domain.value import replace
from broker.ingress.doors import Doors
from broker.services.accept import Accept
from broker.settings import Settings
from tests.contract.test_mxtelecom import PASSWORD
from tests.contract.test_mxtelecom_codes import DOCUMENT, send
from tests.contract.wire_cases import login_of
from tests.contract.wire_server import Server, serve
from tests.unit.test_log import restored

__all__ = ("restored",)

TEXT, GOOD, BAD = "canary-of-a-text", "447700900123", "447700900987"


class Broken:
    """A door that breaks at one recipient, and quotes the request in its error and in the cause of it."""

    def __init__(self, whole: Accept) -> None:
        self._whole = whole
        self.close = whole.close

    async def accept(self, draft: Draft, *rest: Any, **named: Any) -> Admitted:
        """Take the draft, or break."""
        if BAD not in draft.recipients[0]:
            return await self._whole.accept(draft, *rest, **named)
        try:
            raise ValueError(f"{PASSWORD} is no password; {draft.text!r}")
        except ValueError as error:
            raise RuntimeError(f"cannot read {draft.text}, {PASSWORD};{PASSWORD} of {BAD}") from error


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log.configure(level="DEBUG", form="json")
    return stream


@pytest.fixture
def server(settings: Settings, lines: io.StringIO) -> Iterator[Server]:
    """The ingress, whose door is broken."""

    def alter(doors: Doors) -> Doors:
        return replace(doors, accept=Broken(doors.accept))  # type: ignore[arg-type]  # it is broken

    with serve(settings, DOCUMENT, alter=alter) as one:
        yield one


def logged(lines: io.StringIO, event: str) -> Mapping[str, Any]:
    """Return the one line of an event, once it is sure that no line quotes the request."""
    text = lines.getvalue()
    for canary in (TEXT, PASSWORD, BAD):
        assert canary not in text
    line: dict[str, Any]
    (line,) = [one for one in map(json.loads, text.splitlines()) if one["event"] == event]
    return line


def test_one_message_nobody_foresaw_leaves_the_others_ours(server: Server, lines: io.StringIO) -> None:
    query = f"action=sendmessage&username=acme&password={quote(PASSWORD)}&messagedata={TEXT}"
    answer = server.ask("GET", f"/api?{query}&recipient=%2B{GOOD}%2C%2B{BAD}%2C%2B{GOOD}")
    codes = [part.partition("<")[0] for part in answer.body.decode().split("<statuscode>")[1:]]
    assert (answer.status, codes) == (200, ["0", "199", "0"])
    line = logged(lines, "draft_failed")
    assert (line["dialect"], line["error"]) == ("ozeki", "RuntimeError from ValueError")
    assert line["where"][-1].startswith("contract/test_unforeseen.py:")


def test_a_call_nobody_foresaw_is_logged_without_what_it_held(server: Server, lines: io.StringIO) -> None:
    query = f"smsto={BAD}&smsmsg={TEXT}"
    assert send(server, query).body.decode("ascii").endswith("13")
    assert server.ask("GET", f"/SMSSend?{login_of('acme', PASSWORD)}&smsto={GOOD}&smsmsg=x").status == 200
    line = logged(lines, "request_failed")
    assert (line["route"], line["error"]) == ("/SMSSend", "RuntimeError from ValueError")
    assert line["where"][-1].startswith("contract/test_unforeseen.py:")
