"""Ozeki's customers and a whole stack: the vendor's own client, pictures out with reports, pictures in."""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree.ElementTree import fromstring

import pytest
from ozekilibsrest import Configuration, Folder, Message, MessageApi

from tests.acceptance.flows import pictures
from tests.acceptance.flows.http_client import basic, request
from tests.acceptance.stack import SHORT, Stack, connection
from tests.sink import Reply, Sink, Told

POLLS, IS_TOLD, IS_POSTED, PHONE = "+12025550150", "+12025550151", "+12025550152", "+12025550101"
PASSWORD = "a password"
WORDS = "from=$originator&to=$recipient&text=$messagedata&id=$messageid&type=$messagetype&file=$attachment&tags=$tags"
ACCOUNTS = """
[[accounts]]
name = "polls"
password = "{password}"
api_keys = ["{{acme}}"]
senders = ["{polls}"]
inbound_numbers = ["{polls}"]

[[accounts]]
name = "is-told"
password = "{password}"
api_keys = ["{{stopper}}"]
senders = ["{told}"]
inbound_numbers = ["{told}"]
callback_dialect = "ozeki"
callback_url = "{url}"
callback_replies = true

[[accounts]]
name = "is-posted"
password = "{password}"
api_keys = ["an-api-key-of-is-posted"]
senders = ["{posted}"]
inbound_numbers = ["{posted}"]
callback_dialect = "ozeki"
callback_url = "{url}"
inbound_mode = "post"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A stack, and the web server of its customers."""

    stack: Stack
    sink: Sink
    data: Path

    @property
    def api(self) -> str:
        """Where the Ozeki API is."""
        return f"{self.stack.endpoints['ingress']}/api"

    def client(self, password: str = PASSWORD) -> MessageApi:
        """Return the vendor's own client."""
        return MessageApi(
            Configuration(username="polls", password=password, api_url=f"{self.api}?action=rest")
        )

    def classic(self, action: str, account: str = "polls", **parameters: str) -> bytes:
        """Make a classic call."""
        login = {"action": action, "username": account, "password": PASSWORD}
        answer = request(f"{self.api}?{urlencode({**login, **parameters})}")
        assert answer.status == 200
        return answer.body

    def state(self, message_id: str) -> str:
        """Return a message's state by its id or the customer's own."""
        return fromstring(self.classic("getmessagebyid", msgID=message_id)).findtext("data/state") or ""

    def phone(self, to: str, text: str, *media: dict[str, str]) -> None:
        """Let a phone send a message."""
        body = {"from": PHONE, "to": to, "text": text, **({"media": media} if media else {})}
        url = f"{self.stack.endpoints['simulator']}/sim/inbound"
        headers = {"Content-Type": "application/json"}
        assert request(url, "POST", body=json.dumps(body).encode(), headers=headers).status == 202

    def forwarded(self, text: str) -> tuple[str, dict[str, str]]:
        """Wait until an arrival with a text was forwarded, and return the method and the words."""

        def found() -> list[tuple[str, dict[str, str]]]:
            all_ = [(one.method, words_of(one)) for one in self.sink.told if urlsplit(one.path).path == "/in"]
            return [one for one in all_ if one[1].get("text") == text]

        (one,) = self.stack.until(found)
        return one

    def creates(self, to: str) -> list[dict[str, Any]]:
        """Return what the carrier was asked to send to a number."""
        entries = self.stack.carrier("GET", "/sim/journal?limit=10000")["entries"]
        return [entry for entry in entries if to in entry["to"]]

    def told(self, path: str, count: int) -> list[dict[str, str]]:
        """Wait until a path was told so often, and return the words of each."""

        def found() -> list[Told]:
            return [one for one in self.sink.told if urlsplit(one.path).path == path]

        self.stack.until(lambda: len(found()) >= count)
        return [words_of(one) for one in found()]


def words_of(told: Told) -> dict[str, str]:
    """Return what the words of a template became."""
    form = urlsplit(told.path).query if told.method == "GET" else told.body.decode()
    return {name: values[0] for name, values in parse_qs(form).items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One stack for all of these tests."""
    folder = tmp_path_factory.mktemp("ozeki-life") / "up"
    with closing(Sink()) as sink:
        told = sink.url(f"/in?{WORDS}")
        accounts = ACCOUNTS.format(password=PASSWORD, polls=POLLS, told=IS_TOLD, posted=IS_POSTED, url=told)
        stack = Stack(
            folder,
            env={**SHORT, "BROKER_EGRESS_ALLOW": json.dumps([sink.authority])},
            provision=accounts + connection(POLLS, IS_TOLD, IS_POSTED, name="Bandwidth_1"),
        )
        stack.start()
        stack.faults(event_delay_ms=20)
        try:
            yield World(stack=stack, sink=sink, data=folder / "data")
        finally:
            stack.end()


def part(name: str, content_type: str, data: bytes) -> dict[str, str]:
    """Return a part as a phone sends it."""
    return {"name": name, "content_type": content_type, "data": base64.b64encode(data).decode()}


PICTURES = (pictures.jpeg(70), pictures.jpeg(71))
PARTS = (
    part("0.smil", "application/smil", pictures.SMIL),
    part("1.jpg", "image/jpeg", PICTURES[0]),
    part("2.jpg", "image/jpeg", PICTURES[1]),
)


# The vendor's own client.


def test_the_vendors_client_sends_one_and_learns_that_it_was_taken(world: World) -> None:
    message = Message(message_id=str(uuid.uuid4()), to_address="+12025550110", text="One")
    message.add_tag("order", "7")
    result = world.client().send(message)
    assert (result.status, result.response_message) == ("Success", "")
    assert (result.message.message_id, result.message.to_address) == (message.message_id, "+12025550110")
    assert result.message.tags == [{"name": "order", "value": "7"}]
    world.stack.until(lambda: world.state(message.message_id) == "10")
    assert [one["text"] for one in world.creates("+12025550110")] == ["One"]


def test_the_vendors_client_sends_two_and_learns_which_was_refused(world: World) -> None:
    results = world.client().send(
        [Message(to_address="+12025550111", text="Good"), Message(to_address="abc", text="Bad")]
    )
    assert (results.total_count, results.success_count, results.failed_count) == (2, 1, 1)
    assert [one.status for one in results.results] == ["Success", "Failed"]
    assert results.results[1].response_message == "Invalid recipient: abc"


def test_the_vendors_client_receives_and_so_deletes(world: World) -> None:
    client = world.client()
    client.download_incoming()
    world.phone(POLLS, "Hello client")
    messages = world.stack.until(lambda: client.download_incoming().messages)
    (message,) = messages
    assert (message.from_address, message.to_address, message.text) == (PHONE, POLLS, "Hello client")
    assert message.from_connection == "Bandwidth_1"
    assert isinstance(message.create_date, datetime)
    assert client.download_incoming().messages == []
    shown = fromstring(world.classic("getmessagebyid", msgID=message.message_id))
    assert shown.findtext("data/folder") == "DELETED"


def test_the_vendors_client_marks(world: World) -> None:
    client = world.client()
    client.download_incoming()
    world.phone(POLLS, "Mark me")
    listed = world.stack.until(lambda: world.classic("getmessagelist", listName="inbox"))
    (ident,) = [one.text for one in fromstring(b"<all>" + listed + b"</all>").findall("Envelope/ID")]
    assert client.mark(Folder.Inbox, Message(message_id=ident)) is True
    assert client.mark(Folder.Inbox, Message(message_id=str(uuid.uuid4()))) is False
    assert client.download_incoming().messages == []
    assert fromstring(world.classic("getmessagebyid", msgID=ident)).findtext("data/folder") == "INBOX"


def test_the_vendors_client_calls_back_what_has_not_been_sent_yet(world: World) -> None:
    client = world.client()
    later = datetime.now() + timedelta(days=2)  # noqa: DTZ005  # the client writes what the wall clock says
    message = Message(
        message_id=str(uuid.uuid4()), to_address="+12025550112", text="Later", time_to_send=later
    )
    assert client.send(message).status == "Success"
    world.stack.until(lambda: world.state(message.message_id) == "17")
    assert client.delete(Folder.Outbox, message) is True
    assert client.delete(Folder.Outbox, message) is True
    assert world.state(message.message_id) == "15"
    assert world.creates("+12025550112") == []


def test_the_vendors_client_survives_a_wrong_password(world: World) -> None:
    client = world.client("guessed")
    assert client.send(Message(to_address=PHONE, text="x")).total_count == 0
    assert client.download_incoming().messages == []


# Pictures out.


def sent_pictures(world: World, send: Callable[[str], str]) -> list[dict[str, str]]:
    """Send pictures with a report URL, and return what was reported."""
    path = f"/report/{uuid.uuid4()}"
    words = "id=$messageid&code=$status&word=$statusmessage&at=$reporttime&why=$errorcode&to=$recipient"
    message_id = send(f"{world.sink.url(path)}?{words}")
    reports = world.told(path, 2)
    assert {one["id"] for one in reports} == {message_id}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", one["at"]) for one in reports)
    shown = world.stack.get(f"/v1/messages/{message_id}")
    assert shown["status"] == "delivered"
    (create,) = world.creates(shown["to"])
    assert (create["text"], len(create["media"])) == ("S\nTwo pictures", 2)
    hashes = {one["sha256"] for one in shown["parts"] if one["content_type"] == "image/jpeg"}
    assert len(hashes) == 2
    return reports


def test_pictures_with_a_layout_go_out_as_json_and_are_reported(world: World) -> None:
    to = "+12025550120"

    def send(reporturl: str) -> str:
        body = {
            "action": "sendmessage",
            "recipient": to,
            "messagetype": "MMS",
            "messagedata": {"subject": "S", "messagetext": "Two pictures", "priority": "high"},
            "attachments": [
                {"name": one["name"], "contenttype": one["content_type"], "content": one["data"]}
                for one in PARTS
            ],
            "reporturl": reporturl,
        }
        headers = {**basic("polls", PASSWORD), "Content-Type": "application/json"}
        answer = request(world.api, "POST", body=json.dumps(body).encode(), headers=headers)
        assert answer.json()["response_code"] == "SUCCESS", answer.body
        return str(answer.json()["messageid"])

    reports = sent_pictures(world, send)
    assert [(one["code"], one["word"], one["to"]) for one in reports] == [
        ("1", "Submitted", to),
        ("3", "Delivered", to),
    ]


def test_pictures_of_the_outbox_go_out_as_xml_and_are_reported(world: World) -> None:
    folder = world.data / "outbox" / "polls"
    folder.mkdir(parents=True, exist_ok=True)
    for one in PARTS:
        (folder / one["name"]).write_bytes(base64.b64decode(one["data"]))
    files = "".join(f"<attachment><filename>{one['name']}</filename></attachment>" for one in PARTS)
    document = (
        "<MMS><subject>S</subject><messagetext>Two pictures</messagetext><priority>high</priority>"
        f"<attachments>{files}</attachments></MMS>"
    )

    def send(reporturl: str) -> str:
        body = world.classic(
            "sendmessage",
            recipient="+12025550121",
            messagetype="MMS:XML",
            messagedata=document,
            reporturl=reporturl,
        )
        found = fromstring(body).find("data/acceptreport")
        assert found is not None
        assert found.findtext("statuscode") == "0", body
        return str(found.findtext("messageid"))

    assert [one["word"] for one in sent_pictures(world, send)] == ["Submitted", "Delivered"]


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        ({"next_statuses": [400]}, [("6", "SubmitFailed")]),
        ({"recipient_failures": {"+12025550122": 4750}}, [("1", "Submitted"), ("7", "DeliveryFailed")]),
    ],
    ids=["refused", "undelivered"],
)
def test_a_message_that_fails_is_reported_with_the_reason(
    world: World, dials: dict[str, Any], words: list[tuple[str, str]]
) -> None:
    path = f"/report/{uuid.uuid4()}"
    url = f"{world.sink.url(path)}?code=$status&word=$statusmessage&why=$errorcode"
    world.stack.faults(event_delay_ms=20, **dials)
    try:
        world.classic("sendmessage", recipient="+12025550122", messagedata="x", reporturl=url)
        told = world.told(path, len(words))
    finally:
        world.stack.faults(event_delay_ms=20)
    assert [(one["code"], one["word"]) for one in told] == words
    assert told[-1]["why"]


# Pictures in.


def test_pictures_from_a_phone_are_polled_with_their_files_and_deleted(world: World) -> None:
    world.client().download_incoming()
    world.phone(POLLS, "Look", *PARTS)

    def poll() -> Any:
        answer = world.classic("receivemessage", folder="inbox", limit="10", afterdownload="delete")
        return fromstring(answer).findall("data/message")

    (message,) = world.stack.until(poll)
    assert message.findtext("messagetype") == "MMS:XML"
    document = fromstring(message.findtext("messagedata") or "")
    assert document.findtext("messagetext") == "Look"
    files = [Path(one.text or "") for one in document.findall("attachments/attachment/filename")]
    assert [one.name for one in files] == ["1-0.smil", "2-1.jpg", "3-2.jpg"]
    assert [one.read_bytes() for one in files] == [pictures.SMIL, *PICTURES]
    shown = fromstring(world.classic("getmessagebyid", msgID=message.findtext("messageid") or ""))
    tags = {one.get("name"): one.get("value") for one in shown.findall("data/optionalfields/optionalfield")}
    assert [tags["attachment"], tags["attachment2"]] == [str(one) for one in files[1:]]
    assert poll() == []


def test_pictures_from_a_phone_are_received_as_json_with_links(world: World) -> None:
    client = world.client()
    client.download_incoming()
    world.phone(POLLS, "Fetch", *PARTS)
    headers = basic("polls", PASSWORD)

    def receive() -> Any:
        return request(f"{world.api}?action=receivemsg", headers=headers).json()["data"]["data"]

    (message,) = world.stack.until(receive)
    assert [one["name"] for one in message["attachments"]] == ["0.smil", "1.jpg", "2.jpg"]
    fetched = [request(one["url"]).body for one in message["attachments"]]
    assert fetched == [pictures.SMIL, *PICTURES]
    client.download_incoming()


def test_pictures_from_a_phone_are_forwarded(world: World) -> None:
    world.phone(IS_TOLD, "Grüße & more", *PARTS)
    method, told = world.forwarded("Grüße & more")
    assert method == "GET"
    assert (told["from"], told["to"], told["text"], told["type"]) == (
        PHONE,
        IS_TOLD,
        "Grüße & more",
        "MMS:XML",
    )
    tags = {one["name"]: one["value"] for one in json.loads(told["tags"])}
    assert Path(tags["attachment"]).read_bytes() == PICTURES[0]
    assert request(told["file"]).body == PICTURES[0]
    shown = fromstring(world.classic("getmessagebyid", "is-told", msgID=told["id"]))
    assert shown.findtext("data/folder") == "INBOX"


# Answers that want something sent.


def answering(*lines: str) -> Callable[[str, int], Reply]:
    """Return what answers with lines."""
    return lambda path, before: Reply(body="\r\n".join(lines).encode())


def test_what_the_answer_to_a_forwarded_message_wants_sent_is_sent_once(world: World) -> None:
    to, other = "+12025550130", "+12025550131"
    world.sink.answer = answering(
        f"{{SMS:TEXT}}{{Bandwidth_1}}{{{IS_TOLD}}}{{{to}}}{{Thanks \\{{ok\\}}}}",
        "this is no message",
        "{SMS:TEXT}{}{+19995550100}{+12025550132}{from a number of somebody else}",
        f"{{SMS:TEXT}}{{}}{{}}{{{other}}}{{and you}}",
    )
    try:
        world.phone(IS_TOLD, "Answer me")
        world.stack.until(lambda: world.creates(other))
    finally:
        world.sink.answer = answering("ok")
    assert [(one["from"], one["text"]) for one in world.creates(to)] == [(IS_TOLD, "Thanks {ok}")]
    assert [(one["from"], one["text"]) for one in world.creates(other)] == [(IS_TOLD, "and you")]
    assert world.creates("+12025550132") == []


def test_an_account_without_the_right_sends_nothing_by_answering_and_may_be_posted_to(world: World) -> None:
    world.sink.answer = answering(f"{{SMS:TEXT}}{{}}{{{IS_POSTED}}}{{+12025550133}}{{x}}")
    try:
        world.phone(IS_POSTED, "Post me")
        method, told = world.forwarded("Post me")
    finally:
        world.sink.answer = answering("ok")
    assert (method, told["from"], told["to"]) == ("POST", PHONE, IS_POSTED)
    # What was sent after it has gone out by then.
    world.classic("sendmessage", "is-posted", recipient="+12025550134", messagedata="after")
    world.stack.until(lambda: world.creates("+12025550134"))
    assert world.creates("+12025550133") == []
