"""Both ends of the broker as a test sees them: a customer of its API, and a simulated carrier."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.flows.http_client import WITHIN_S, Answer, File, basic, eventually, form, query, request

JSON = {"Content-Type": "application/json"}
QUICK = {"event_delay_ms": 20}
"""Dials of every test, unless it says otherwise: reports come soon."""

Message = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """An account of the broker, with its first sender."""

    url: str
    name: str
    key: str
    password: str
    sender: str

    @property
    def headers(self) -> dict[str, str]:
        """Its API key, as a header."""
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def basic(self) -> dict[str, str]:
        """Its name and password, as a header."""
        return basic(self.name, self.password)

    def post(self, body: object, **headers: str) -> Answer:
        """Post a native send: JSON of `body`, or bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return request(f"{self.url}/v1/messages", "POST", body=raw, headers={**self.headers, **JSON, **named})

    def post_form(self, fields: Mapping[str, str], *files: File) -> Answer:
        """Post a native send as a multipart form."""
        body, kind = form(fields, *files)
        return request(f"{self.url}/v1/messages", "POST", body=body, headers={**self.headers, **kind})

    def send(self, to: str | list[str], text: str = "", **fields: Any) -> str:
        """Send to one recipient and return the id, or to a list and return the batch's first id."""
        body = {"to": to, "from": fields.pop("from_", self.sender), "text": text, **fields}
        answer = self.post({name: value for name, value in body.items() if value != ""})
        assert answer.status == 202, answer.body
        said = answer.json()
        return str(said["id"] if isinstance(to, str) else said["messages"][0]["id"])

    def send_all(self, to: list[str], text: str = "", **fields: Any) -> dict[str, str]:
        """Send to several recipients and return the id of each one's message."""
        answer = self.post({"to": to, "from": self.sender, "text": text, **fields})
        assert answer.status == 202, answer.body
        return {one["to"]: one["id"] for one in answer.json()["messages"]}

    def upload(self, data: bytes, content_type: str) -> Answer:
        """Leave media for later sends."""
        headers = {**self.headers, "Content-Type": content_type}
        return request(f"{self.url}/v1/media", "POST", body=data, headers=headers)

    def look(self, message_id: str) -> Message:
        """Return all that is known of a message."""
        answer = request(f"{self.url}/v1/messages/{message_id}", headers=self.headers)
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def list(self, **parameters: str) -> Message:
        """Return a page of messages."""
        answer = request(query(f"{self.url}/v1/messages", **parameters), headers=self.headers)
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def until(self, message_id: str, *states: str, within_s: float = WITHIN_S) -> Message:
        """Wait until a message is in one of the states, and return it.

        An event may come before the answer to the create call: of what is delivered that is waited for too.
        """

        def is_there(found: Message) -> bool:
            if found["status"] == "delivered" and not all(one["ended_at"] for one in found["attempts"]):
                return False
            return found["status"] in states

        return self.when(message_id, is_there, " or ".join(states), within_s)

    def when(
        self,
        message_id: str,
        wanted: Callable[[Message], object],
        what: str = "",
        within_s: float = WITHIN_S,
    ) -> Message:
        """Wait until a message is as wanted, and return it."""
        deadline = time.monotonic() + within_s
        while not wanted(found := self.look(message_id)):
            assert time.monotonic() < deadline, f"waited for {what or 'a change'}: {found}"
            time.sleep(0.03)
        return found

    def arrived(self, text: str, count: int = 1) -> Message:
        """Wait for inbound messages with a text, check that there are no more, and return the newest."""

        def found() -> Sequence[Message]:
            page = self.list(direction="in", limit="200")["data"]
            return [message for message in page if message["text"] == text]

        eventually(lambda: len(found()) >= count, f"an inbound message {text!r}")
        assert len(found()) == count
        return self.look(found()[0]["id"])

    def ozeki(self, body: object, **headers: str) -> Answer:
        """Post a JSON body to the Ozeki API."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request(f"{self.url}/api", "POST", body=raw, headers={**self.basic, **JSON, **headers})

    def classic(self, **parameters: str) -> Answer:
        """Call the classic Ozeki API by GET."""
        login = {"username": self.name, "password": self.password, "action": "sendmessage"}
        return request(query(f"{self.url}/api", **{**login, **parameters}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A simulated carrier, and the connection that leads to it."""

    url: str
    connection: str
    ingress: str = ""
    webhook: Mapping[str, str] = field(default_factory=dict)

    def dial(self, **faults: Any) -> None:
        """Turn the dials; those not named stand at no fault."""
        answer = request(
            f"{self.url}/sim/faults", "PUT", body=json.dumps({**QUICK, **faults}).encode(), headers=JSON
        )
        assert answer.status == 200, answer.body

    def stats(self) -> Message:
        """Return the counters."""
        return dict(request(f"{self.url}/sim/stats").json())

    def creates(self, *, tag: str = "", to: str = "", sender: str = "") -> list[Message]:
        """Return the create requests with a tag that begins so, to a number, or from one."""
        entries = request(f"{self.url}/sim/journal?limit=100000").json()["entries"]
        return [
            entry
            for entry in entries
            if entry["tag"].startswith(tag)
            and (not to or to in entry["to"])
            and (not sender or entry["from"] == sender)
        ]

    def fetches(self, tag: str) -> list[Message]:
        """Return what the carrier found at the media links of a message."""
        found = request(f"{self.url}/sim/fetches").json()["fetches"]
        return [one for one in found if one["tag"].startswith(tag)]

    def inbound(self, **message: Any) -> Message:
        """Let a phone send a message; `sender` is its number."""
        body = {("from" if name == "sender" else name): value for name, value in message.items()}
        answer = request(f"{self.url}/sim/inbound", "POST", body=json.dumps(body).encode(), headers=JSON)
        assert answer.status == 202, answer.body
        return dict(answer.json())

    def tell(self, body: object, **headers: str) -> Answer:
        """Post a webhook as the carrier would, with credentials: JSON of `body`, or bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = f"{self.ingress}/webhooks/{self.connection}"
        return request(url, "POST", body=raw, headers={**self.webhook, **JSON, **headers})
