"""Messages that arrive from phones."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.acceptance.flows import pictures
from tests.acceptance.flows.carrier_words import arrival, long_id
from tests.acceptance.flows.http_client import eventually
from tests.acceptance.flows.world import GLOBEX, MAIN, OTHER_NUMBER, World

Number = Callable[[], str]


def part(name: str, content_type: str, data: bytes) -> dict[str, Any]:
    """Return a part as a phone sends it."""
    return {"name": name, "content_type": content_type, "data": base64.b64encode(data).decode()}


def tags(message: dict[str, Any]) -> dict[str, str]:
    """Return a message's tags by name."""
    return {tag["name"]: tag["value"] for tag in message["tags"]}


def test_a_text_from_a_phone_is_ready_for_the_account_that_owns_the_number(
    world: World, number: Number
) -> None:
    phone = number()
    ident = world.main.inbound(sender=phone, to=MAIN, text=f"Hello from {phone}")["id"]
    message = world.acme.arrived(f"Hello from {phone}")
    assert (message["direction"], message["from"], message["to"]) == ("in", phone, MAIN)
    assert (message["status"], message["connection"]) == ("ready", "bandwidth-1")
    assert (message["provider_ref"], tags(message)["provider_message_id"]) == (ident, ident)
    assert (message["parts"], message["attempts"]) == ([], [])
    assert [event["status"] for event in message["events"]] == ["received", "ready"]
    listed = world.globex.list(direction="in")["data"]
    assert message["id"] not in [one["id"] for one in listed]


def test_a_picture_message_is_brought_into_its_folder_part_by_part(world: World, number: Number) -> None:
    phone, note = number(), "Grüße\n".encode()
    sent = [
        part("0.smil", "application/smil", pictures.SMIL),
        part("IMG_0042.jpg", "image/jpeg", pictures.jpeg(20)),
        part("note.txt", "text/plain", note),
    ]
    world.main.inbound(sender=phone, to=MAIN, text=f"Look at this, {phone}", media=sent)
    found = world.acme.arrived(f"Look at this, {phone}")
    message = world.acme.until(found["id"], "ready")
    folder = world.attachments / message["id"]
    assert sorted(path.name for path in folder.iterdir()) == ["1-0.smil", "2-IMG_0042.jpg", "3-note.txt"]
    contents = (pictures.SMIL, pictures.jpeg(20), note)
    for n, (stored, content) in enumerate(zip(message["parts"], contents, strict=True), start=1):
        assert (stored["index"], stored["state"], stored["size"]) == (n, "stored", len(content))
        assert stored["sha256"] == hashlib.sha256(content).hexdigest()
        assert Path(stored["path"]).is_absolute()
        assert Path(stored["path"]).read_bytes() == content
    assert [one["content_type"] for one in message["parts"]] == [
        "application/smil",
        "image/jpeg",
        "text/plain",
    ]
    # The layout is no attachment of the customer's.
    found = {name: value for name, value in tags(message).items() if name != "provider_message_id"}
    assert found.pop("attachment_url").endswith("/IMG_0042.jpg")
    assert found.pop("attachment2_url").endswith("/note.txt")
    assert found == {
        "segment_count": "1",
        "attachment": str(folder / "2-IMG_0042.jpg"),
        "attachment_type": "image/jpeg",
        "attachment_size": str(len(contents[1])),
        "attachment2": str(folder / "3-note.txt"),
        "attachment2_type": "text/plain",
        "attachment2_size": str(len(note)),
        "layout": str(folder / "1-0.smil"),
    }
    assert [event["status"] for event in message["events"]] == ["received", "fetching", "ready"]


def test_an_odd_file_name_stays_within_its_folder(world: World, number: Number) -> None:
    phone = number()
    names = ["..%2f..%2fetc%2fpasswd", "写真 été.jpg", ".hidden", "con.jpg", "x" * 300 + ".jpg", "a\\b.jpg"]
    sent = [part(name, "image/jpeg", pictures.jpeg(30 + n)) for n, name in enumerate(names)]
    world.main.inbound(sender=phone, to=MAIN, text=f"Names of {phone}", media=sent)
    message = world.acme.until(world.acme.arrived(f"Names of {phone}")["id"], "ready")
    folder = world.attachments / message["id"]
    paths = [Path(one["path"]) for one in message["parts"]]
    assert [path.parent for path in paths] == [folder] * len(names)
    assert sorted(folder.iterdir()) == sorted(paths)
    assert all(path.name.endswith(".jpg") and "%" not in path.name for path in paths)
    assert [one["sha256"] for one in message["parts"]] == [
        hashlib.sha256(pictures.jpeg(30 + n)).hexdigest() for n in range(len(names))
    ]


def test_a_part_that_came_can_be_sent_on_by_its_id(world: World, number: Number) -> None:
    phone = number()
    sent = [part("again.jpg", "image/jpeg", pictures.jpeg(21))]
    world.main.inbound(sender=phone, to=MAIN, text=f"Pass it on, {phone}", media=sent)
    message = world.acme.until(world.acme.arrived(f"Pass it on, {phone}")["id"], "ready")
    (kept,) = message["parts"]
    passed = world.acme.until(world.acme.send(number(), media=[{"id": kept["id"]}]), "delivered")
    assert [one["sha256"] for one in world.main.fetches(passed["id"])] == [kept["sha256"]]
    assert Path(passed["parts"][0]["path"]).parent.name == passed["id"]
    assert Path(kept["path"]).read_bytes() == pictures.jpeg(21)
    for wrong in (kept["id"][:-1] + "2", f"{passed['id']}.0", kept["id"] + "0"):
        answer = world.acme.post({"to": phone, "media": [{"id": wrong}]})
        assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, "/media/0")
    assert world.globex.post({"to": phone, "media": [{"id": kept["id"]}]}).status == 422


def test_the_same_arrival_told_twice_is_one_message(world: World, number: Number) -> None:
    text = f"Once from {number()}"
    event = arrival(MAIN, text)
    again = {**event, "time": "2026-11-21T12:00:09.000Z"}
    for body in ([event], [event], [again], [event, again], again):
        assert world.main.tell(body).status == 200
    marker = f"After {text}"
    world.main.tell([arrival(MAIN, marker)])
    world.acme.arrived(marker)
    world.acme.arrived(text, count=1)


def test_a_group_message_to_two_of_our_numbers_is_two_messages(world: World, number: Number) -> None:
    phone, stranger = number(), number()
    text = f"All of you, says {phone}"
    to = [MAIN, OTHER_NUMBER, stranger]
    media = [part("all.jpg", "image/jpeg", pictures.jpeg(22))]
    world.main.inbound(sender=phone, to=to, owners=[MAIN, OTHER_NUMBER], text=text, media=media)
    newest = world.acme.arrived(text, count=2)
    page = [one for one in world.acme.list(direction="in", limit="200")["data"] if one["text"] == text]
    assert {one["to"] for one in page} == {MAIN, OTHER_NUMBER}
    for one in page:
        message = world.acme.until(one["id"], "ready")
        others = set(tags(message)["other_recipients"].split(","))
        assert others == set(to) - {message["to"]}
        assert Path(message["parts"][0]["path"]).parent.name == message["id"]
    assert newest["from"] == phone


def test_arrivals_reach_the_owner_of_the_number_and_nobody_else(world: World, number: Number) -> None:
    text = f"For globex, {number()}"
    world.main.tell([arrival(GLOBEX, text)])
    message = world.globex.arrived(text)
    assert message["to"] == GLOBEX
    assert text not in [one["text"] for one in world.acme.list(direction="in", limit="200")["data"]]


def test_what_came_for_a_number_that_nobody_owns_is_parked_and_acknowledged(
    world: World, number: Number
) -> None:
    nobody, text = number(), f"Wrong number {number()}"
    assert world.main.tell([arrival(nobody, text)]).status == 200
    parked = eventually(
        lambda: world.rows("SELECT reason, news FROM parked WHERE news LIKE ?", f"%{nobody}%"), "parking"
    )
    assert [row["reason"] for row in parked] == ["nobody's number"]
    assert text in parked[0]["news"]
    assert world.rows("SELECT 1 FROM messages WHERE recipient = ?", nobody) == []


def test_both_forms_of_the_carriers_ids_are_understood(world: World, number: Number) -> None:
    for ident in (long_id(), str(uuid.uuid4())):
        text = f"{ident} from {number()}"
        world.main.tell([arrival(MAIN, text, ident=ident)])
        assert world.acme.arrived(text)["provider_ref"] == ident


def test_a_number_without_its_plus_is_still_ours(world: World, number: Number) -> None:
    phone = number()
    text = f"Bare from {phone}"
    world.main.tell([arrival(MAIN[1:], text, sender=phone[1:], to=[MAIN[1:]])])
    message = world.acme.arrived(text)
    assert (message["to"], message["from"]) == (MAIN, phone)
