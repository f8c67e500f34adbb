"""The demo scene: six messages, each followed to the state it should end in."""

import base64
import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from broker.cli.client import Api
from broker.cli.demo_account import SENDER
from broker.cli.picture import postcard

T = TypeVar("T")

_WITHIN_S = 30.0
_POLL_S = 0.05
_REFUSED_NUMBER = "+12025550199"
_BLOCKED = 4720
"""Bandwidth's code for a number that cannot be reached (bandwidth.md section 5)."""
_UNICODE = "Grüße aus dem Süden: 日本語, русский, ελληνικά, עברית, 🌅🏖️. " * 4


class Wrong(Exception):
    """A message did not end as it should."""


class Scene:
    """Plays the steps against a stack with the simulator for a carrier."""

    def __init__(self, api: Api, simulator: Api) -> None:
        self._api = api
        self._simulator = simulator

    def play(self) -> list[str]:
        """Play every step, print it as it happens, and return what went wrong."""
        steps: Sequence[tuple[str, Callable[[], None]]] = (
            ("A text message", self._text),
            ("A long text in many scripts", self._unicode),
            ("A picture message", self._picture),
            ("A number that the carrier cannot reach", self._refused),
            ("A picture that arrives from a phone", self._inbound),
            ("Delivery reports in the wrong order", self._disorder),
        )
        wrong: list[str] = []
        for count, (title, step) in enumerate(steps, start=1):
            print(f"\n{count}. {title}", flush=True)
            try:
                step()
            except Wrong as error:
                print(f"   WRONG: {error}", flush=True)
                wrong.append(f"{title}: {error}")
        self._dial({})
        return wrong

    def _text(self) -> None:
        self._sent_and_ends("delivered", {"to": "+12025550101", "text": "Hello from the broker."})

    def _unicode(self) -> None:
        self._sent_and_ends("delivered", {"to": "+12025550102", "text": _UNICODE})

    def _picture(self) -> None:
        message = {"to": "+12025550103", "text": "Wish you were here", "subject": "A postcard"}
        self._sent_and_ends("delivered", message, picture=postcard("Wish you were here"))

    def _refused(self) -> None:
        self._dial({"recipient_failures": {_REFUSED_NUMBER: _BLOCKED}})
        self._sent_and_ends("undelivered", {"to": _REFUSED_NUMBER, "text": "Anybody there?"})
        self._dial({})

    def _inbound(self) -> None:
        known = {message["id"] for message in self._inbox()}
        content = postcard("Greetings from a phone")
        part = {"name": "beach.jpg", "content_type": "image/jpeg", "data": base64.b64encode(content).decode()}
        arriving = {"from": "+12025550188", "to": [SENDER], "text": "Look at this!", "media": [part]}
        self._tell("POST", "/sim/inbound", arriving)
        message_id = self._wait(
            lambda: next((row["id"] for row in self._inbox() if row["id"] not in known), None),
            "nothing arrived",
        )
        _say("received", message_id)
        message = self._follow(message_id, {"ready", "forwarded", "unforwarded"})
        for stored in message["parts"]:
            _check_file(stored, content)

    def _disorder(self) -> None:
        self._dial({"reorder_events": 1})
        message = {"to": "+12025550106", "text": "Reports may overtake each other"}
        found = self._sent_and_ends("delivered", message, picture=postcard("Out of order"))
        self._wait(
            lambda: self._reports(found["id"]) >= {"deliver", "hand_off"} or None, "a report is missing"
        )
        after = self._api.message(found["id"])
        kinds = [event["type"] for event in after["events"]]
        if kinds.index("deliver") > kinds.index("hand_off"):
            raise Wrong("the reports came in order")
        if after["status"] != "delivered":
            raise Wrong(f"a late report turned delivered into {after['status']}")
        _say("delivered", "and stays so: the hand-off report came after it")
        self._dial({})

    def _reports(self, message_id: str) -> set[str]:
        return {event["type"] for event in self._api.message(message_id)["events"]}

    def _inbox(self) -> list[dict[str, Any]]:
        return list(self._api.get("/v1/messages", direction="in", limit=20)["data"])

    def _sent_and_ends(
        self, end: str, message: dict[str, Any], *, picture: bytes | None = None
    ) -> dict[str, Any]:
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            files = []
            if picture is not None:
                files.append(Path(folder) / "postcard.jpg")
                files[0].write_bytes(picture)
            answer = self._api.send({"from": SENDER, **message}, files)
        took_ms = (time.monotonic() - started) * 1000
        _say("accepted", f"{answer['id']}  in {took_ms:.0f} ms, durability {answer['durability']}")
        return self._follow(answer["id"], {end})

    def _follow(self, message_id: str, ends: set[str]) -> dict[str, Any]:
        """Print what happens to a message until it is in one of these states."""
        told = 0
        deadline = time.monotonic() + _WITHIN_S
        while True:
            message = self._api.message(message_id)
            for event in message["events"][told:]:
                _say(event["status"] or "", f"{event['type']} {event['detail'] or ''}".strip())
            told = len(message["events"])
            if message["status"] in ends:
                return message
            if time.monotonic() > deadline:
                raise Wrong(f"{message_id} is {message['status']}, not {' or '.join(sorted(ends))}")
            time.sleep(_POLL_S)

    def _wait(self, look: Callable[[], T | None], otherwise: str) -> T:
        deadline = time.monotonic() + _WITHIN_S
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise Wrong(otherwise)
            time.sleep(_POLL_S)
        return found

    def _dial(self, faults: dict[str, Any]) -> None:
        self._tell("PUT", "/sim/faults", faults)

    def _tell(self, method: str, path: str, body: dict[str, Any]) -> None:
        self._simulator.call(method, path, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _say(status: str, what: str) -> None:
    print(f"   {status:<12}{what}", flush=True)


def _check_file(part: dict[str, Any], content: bytes) -> None:
    """Compare the stored file with what was sent, and show where it is."""
    digest = hashlib.sha256(content).hexdigest()
    if part["state"] != "stored" or part["sha256"] != digest:
        raise Wrong(f"the part is {part['state']}, and not what the phone sent")
    path = Path(part["path"])
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise Wrong(f"{path} does not hold what the phone sent")
    _say("stored", f"{path} ({part['content_type']}, {part['size']} bytes)")
