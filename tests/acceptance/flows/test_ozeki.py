"""Sends in the words of Ozeki."""

import base64
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.etree.ElementTree import fromstring

import pytest

from tests.acceptance.flows import pictures
from tests.acceptance.flows.http_client import Answer, eventually, request
from tests.acceptance.flows.world import World

Number = Callable[[], str]

ACCEPTED = "Message accepted for delivery"


@pytest.fixture
def cat(world: World) -> Iterator[Path]:
    """A picture in the account's own outbox folder."""
    path = world.outbox / "pets" / "cat.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pictures.jpeg(60))
    yield path
    path.unlink()


def accepted(answer: Answer) -> str:
    """Check an answer of form C in both of its layouts, and return the message's id."""
    body = answer.json()
    assert (answer.status, body["http_code"], body["response_code"]) == (200, 200, "SUCCESS"), body
    assert body["response_msg"] == ACCEPTED
    (message,) = body["data"]["messages"]
    assert (message["status"], message["message_id"]) == ("SUCCESS", body["messageid"])
    return str(body["messageid"])


def reports(answer: Answer) -> list[dict[str, str]]:
    """Return the accept reports of an XML answer."""
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")
    rows = fromstring(answer.body).findall("data/acceptreport")
    return [{child.tag: child.text or "" for child in row} for row in rows]


def fetched(world: World, message_id: str) -> list[str]:
    """Return the digests of what the carrier found in a delivered message."""
    message = world.acme.until(message_id, "delivered")
    seen = [one["sha256"] for one in world.main.fetches(message_id)]
    assert seen == [part["sha256"] for part in message["parts"]]
    return seen


def xml(*paths: object, text: str = "Hi", priority: str = "high") -> str:
    """Return MMS:XML that names files."""
    files = "".join(f"<attachment><filename>{path}</filename></attachment>" for path in paths)
    return (
        f"<MMS><subject>S</subject><messagetext>{text}</messagetext><priority>{priority}</priority>"
        f"<attachments>{files}</attachments></MMS>"
    )


def test_a_json_body_with_an_mms_document_names_a_file_of_the_outbox(
    world: World, number: Number, cat: Path
) -> None:
    to = number()
    body = {"action": "sendmessage", "recipient": to, "messagetype": "MMS:XML", "messagedata": xml(cat)}
    message_id = accepted(world.acme.ozeki(body))
    assert len(fetched(world, message_id)) == 1
    message = world.acme.look(message_id)
    assert (message["text"], message["subject"], message["priority"]) == ("Hi", "S", "high")
    assert [(one["priority"], one["text"]) for one in world.main.creates(to=to)] == [("high", "S\nHi")]


def test_a_json_body_with_fields_names_a_file_of_the_outbox(world: World, number: Number, cat: Path) -> None:
    to = number()
    data = {
        "messagetext": "Hi",
        "priority": "normal",
        "attachments": [{"attachment": {"filename": "pets\\cat.jpg"}}],
    }
    body = {"Action": "SendMessage", "Recipient": to, "MessageType": "MMS", "MessageData": data}
    assert len(fetched(world, accepted(world.acme.ozeki(body)))) == 1
    assert [one["priority"] for one in world.main.creates(to=to)] == ["default"]


def test_a_json_body_may_carry_the_bytes_themselves(world: World, number: Number) -> None:
    to = number()
    content = base64.b64encode(pictures.png()).decode()
    body = {
        "action": "sendmessage",
        "recipient": [to],
        "originator": world.acme.sender,
        "messagedata": {"subject": "S", "messagetext": "Hi", "priority": "high"},
        "attachments": [{"name": "cat.png", "contenttype": "image/png", "content": content}],
    }
    message_id = accepted(world.acme.ozeki(body))
    assert len(fetched(world, message_id)) == 1
    assert world.acme.look(message_id)["parts"][0]["content_type"] == "image/png"


def test_a_json_body_may_name_a_url(world: World, number: Number) -> None:
    url = world.media.put("ozeki.jpg", "image/jpeg", pictures.jpeg(61))
    data = {"messagetext": "Hi", "attachments": [{"url": url}]}
    body = {"action": "sendmessage", "recipient": number(), "messagedata": data}
    assert len(fetched(world, accepted(world.acme.ozeki(body)))) == 1


def test_a_json_body_without_attachment_is_a_text(world: World, number: Number) -> None:
    to = number()
    body = {"action": "sendmessage", "recipient": to, "messagedata": "a < b"}
    world.acme.until(accepted(world.acme.ozeki(body)), "delivered")
    assert [(one["text"], one["media"]) for one in world.main.creates(to=to)] == [("a < b", [])]


def test_the_library_form_keeps_the_clients_own_id_apart(world: World, number: Number) -> None:
    to = number()
    own = f"own-{to}"
    message = {"message_id": own, "to_address": to, "text": "Library", "tags": [{"KEY": "VALUE"}]}
    url = f"{world.ingress}/api?action=sendmsg"
    for _ in range(2):
        answer = request(
            url,
            "POST",
            body=json.dumps({"messages": [message]}).encode(),
            headers={**world.acme.basic, "Content-Type": "application/json"},
        )
        assert [one["message_id"] for one in answer.json()["data"]["messages"]] == [own]
    (found,) = eventually(lambda: world.acme.list(reference=own)["data"], "the message in the list")
    assert found["id"] != own
    world.acme.until(found["id"], "delivered")
    assert len(world.main.creates(to=to)) == 1


def test_a_classic_text_is_sent_by_get_and_answered_in_xml(world: World, number: Number) -> None:
    to = number()
    answer = world.acme.classic(recipient=to, messagetype="SMS:TEXT", messagedata="Grüße & more")
    (report,) = reports(answer)
    assert (report["statuscode"], report["statusmessage"]) == ("0", ACCEPTED)
    assert report["recipient"] == to
    world.acme.until(report["messageid"], "delivered")
    assert [one["text"] for one in world.main.creates(to=to)] == ["Grüße & more"]


def test_a_classic_picture_is_sent_by_a_form(world: World, number: Number, cat: Path) -> None:
    fields = {
        "action": "sendmessage",
        "username": "acme",
        "password": world.acme.password,
        "recipient": number(),
        "messagetype": "MMS:XML",
        "messagedata": xml("pets/cat.jpg"),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = request(f"{world.ingress}/api", "POST", body=urlencode(fields).encode(), headers=headers)
    (report,) = reports(answer)
    assert report["statuscode"] == "0", report
    assert len(fetched(world, report["messageid"])) == 1


def test_several_recipients_and_messages_get_a_report_each(world: World, number: Number) -> None:
    to = [number(), number(), number()]
    many = world.acme.classic(
        messagecount="2",
        recipient0=f"{to[0]},{to[1]}",
        messagedata0="one",
        recipient1=to[2],
        messagedata1="two",
        priority1="high",
    )
    found = reports(many)
    assert [(one["statuscode"], one["recipient"]) for one in found] == [("0", one) for one in to]
    for one in found:
        world.acme.until(one["messageid"], "delivered")
    assert [world.main.creates(to=one)[0]["text"] for one in to] == ["one", "one", "two"]
    assert [world.main.creates(to=one)[0]["priority"] for one in to] == ["default", "default", "high"]


def test_a_long_text_in_another_script_fits_into_a_get(world: World, number: Number) -> None:
    to, text = number(), "語" * 2048
    (report,) = reports(world.acme.classic(recipient=to, messagedata=text))
    world.acme.until(report["messageid"], "delivered")
    assert [one["text"] for one in world.main.creates(to=to)] == [text]


def test_one_bad_message_does_not_stop_the_others(world: World, number: Number) -> None:
    good = number()
    answer = world.acme.classic(recipient=f"{good};abc", messagedata="Hi")
    first, second = reports(answer)
    assert (first["statuscode"], second["statuscode"]) == ("0", "102")
    assert (second["statusmessage"], second["messageid"]) == ("Invalid recipient: abc", "")
    world.acme.until(first["messageid"], "delivered")


def test_the_other_forms_of_answer_say_the_same(world: World, number: Number) -> None:
    to = number()
    page = world.acme.classic(recipient=to, messagedata="Hi", responseformat="html")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert f"Status message: {ACCEPTED}<br>".encode() in page.body
    pairs = world.acme.classic(recipient=to, messagedata="Hi", responseformat="urlencoded")
    assert parse_qs(pairs.body.decode())["statuscode"] == ["0"]
    assert accepted(world.acme.classic(recipient=to, messagedata="Hi", responseformat="json"))


def test_a_message_of_this_dialect_is_good_for_a_week(world: World, number: Number) -> None:
    (report,) = reports(world.acme.classic(recipient=number(), messagedata="Hi"))
    message = world.acme.until(report["messageid"], "delivered")
    days = int(message["valid_until"][8:10]) - int(message["created_at"][8:10])
    assert days == 7 or days < 0


def test_a_file_outside_the_accounts_own_folder_is_never_read(
    world: World, number: Number, cat: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "secret.jpg"
    outside.write_bytes(pictures.jpeg(62))
    other = world.data / "outbox" / "globex"
    other.mkdir(exist_ok=True)
    (other / "theirs.jpg").write_bytes(pictures.jpeg(63))
    link, folder, hard, pipe = (
        world.outbox / name for name in ("link.jpg", "folder", "hard.jpg", "pipe.jpg")
    )
    link.symlink_to(outside)
    folder.symlink_to(tmp_path, target_is_directory=True)
    os.link(outside, hard)
    os.mkfifo(pipe)
    to = number()
    try:
        for name in (
            "/etc/passwd",
            "../globex/theirs.jpg",
            "pets/../../globex/theirs.jpg",
            str(other / "theirs.jpg"),
            str(world.outbox / ".." / "globex" / "theirs.jpg"),
            str(outside),
            "link.jpg",
            "folder/secret.jpg",
            "hard.jpg",
            "pipe.jpg",
            "pets",
            ".",
            "",
            "nothing.jpg",
            "C:\\media\\cat.jpg",
            "..\\globex\\theirs.jpg",
            "file:///etc/passwd",
            "pets/cat.jpg\n",
        ):
            _refused(world, to, name)
    finally:
        for path in (link, folder, hard, pipe):
            path.unlink()
    assert world.acme.list(to=to)["data"] == []


def _refused(world: World, to: str, name: str) -> None:
    """Ask for a file in both forms, and see it refused in the words of each."""
    body: dict[str, Any] = {
        "action": "sendmessage",
        "recipient": to,
        "messagetype": "MMS",
        "messagedata": {"messagetext": "" if not name else "Hi", "attachments": [{"filename": name}]},
    }
    answer = world.acme.ozeki(body)
    assert (answer.status, answer.json()["response_code"]) == (400, "BAD_REQUEST"), name
    if name.endswith("\n") or not name:
        return
    assert answer.json()["response_msg"].startswith("Attachment not available"), name
    (report,) = reports(world.acme.classic(recipient=to, messagetype="MMS:XML", messagedata=xml(name)))
    assert report["statuscode"] == "105", name
