"""A multimedia message, from the request to its end."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from broker.domain import links
from tests.acceptance.flows import pictures
from tests.acceptance.flows.http_client import File, eventually, request
from tests.acceptance.flows.world import PLAIN, TOLL_FREE, World

Number = Callable[[], str]


def sha256(data: bytes) -> str:
    """Return a digest as the record shows it."""
    return hashlib.sha256(data).hexdigest()


def test_a_picture_by_url_is_fetched_uploaded_and_delivered(world: World, number: Number) -> None:
    to = number()
    url = world.media.put("menu.jpg", "image/jpeg", pictures.jpeg())
    message_id = world.acme.send(to, "Menu for this week", media=[{"url": url}])
    message = world.acme.until(message_id, "delivered")
    assert [event["status"] for event in message["events"]] == [
        "accepted", "preparing", "queued", "submitting", "submitted", "relayed", "delivered",
    ]  # fmt: skip
    (part,) = message["parts"]
    assert (part["index"], part["content_type"], part["state"]) == (1, "image/jpeg", "stored")
    assert (part["size"], part["sha256"]) == (len(pictures.jpeg()), sha256(pictures.jpeg()))
    assert Path(part["path"]).read_bytes() == pictures.jpeg()
    assert Path(part["path"]).parent == world.attachments / message_id
    (create,) = world.main.creates(to=to)
    (link,) = create["media"]
    assert link.startswith(f"{world.main.url}/api/v2/users/9900000/media/")
    (seen,) = world.main.fetches(message_id)
    assert (seen["status"], seen["content_type"], seen["sha256"]) == (200, "image/jpeg", part["sha256"])
    assert [dict(one.headers).get("authorization") for one in world.media.asked(url)] == [None]
    assert world.acme.list(to=to)["data"][0]["parts"] == message["parts"]


def test_several_files_in_a_form_arrive_in_their_order(world: World, number: Number) -> None:
    to = number()
    files = [
        File(name="one.jpg", content_type="image/jpeg", data=pictures.jpeg()),
        File(name="two.png", content_type="image/png", data=pictures.png()),
        File(name="three.txt", content_type="text/plain", data="Grüße".encode()),
    ]
    fields = {"to": to, "from": world.acme.sender, "text": "Three", "subject": "Files"}
    answer = world.acme.post_form(fields, *files)
    assert answer.status == 202, answer.body
    message = world.acme.until(answer.json()["id"], "delivered")
    assert [part["sha256"] for part in message["parts"]] == [sha256(file.data) for file in files]
    assert [one["sha256"] for one in world.main.fetches(message["id"])] == [sha256(f.data) for f in files]
    assert message["subject"] == "Files"
    assert world.main.creates(to=to)[0]["text"] == "Files\nThree"


def test_a_form_may_carry_the_request_as_json(world: World, number: Number) -> None:
    message = {"to": [number(), number()], "text": "Look", "tags": {"a": "b"}}
    file = File(name="a.jpg", content_type="image/jpeg", data=pictures.jpeg())
    answer = world.acme.post_form({"message": json.dumps(message)}, file)
    assert answer.status == 202, answer.body
    for one in answer.json()["messages"]:
        found = world.acme.until(one["id"], "delivered")
        assert [part["sha256"] for part in found["parts"]] == [sha256(pictures.jpeg())]


def test_media_that_was_left_before_is_sent_by_its_id_more_than_once(world: World, number: Number) -> None:
    answer = world.acme.upload(pictures.png(), "image/png")
    assert answer.status == 201
    kept = answer.json()
    assert (kept["content_type"], kept["size"]) == ("image/png", len(pictures.png()))
    assert kept["sha256"] == sha256(pictures.png())
    for _ in range(2):
        message = world.acme.until(world.acme.send(number(), media=[{"id": kept["id"]}]), "delivered")
        assert [one["sha256"] for one in world.main.fetches(message["id"])] == [kept["sha256"]]
    other = world.globex.post({"to": number(), "media": [{"id": kept["id"]}]})
    assert other.status == 422
    assert other.json()["errors"][0]["pointer"] == "/media/0"


def test_links_of_ours_are_fetched_by_the_carrier_and_hold_for_nothing_else(
    world: World, number: Number
) -> None:
    to = number()
    url = world.media.put("link.jpg", "image/jpeg", pictures.jpeg(7))
    message = world.acme.until(world.acme.send(to, from_=PLAIN, media=[{"url": url}]), "relayed")
    (create,) = world.plain.creates(to=to)
    (link,) = create["media"]
    assert link.startswith(f"{world.ingress}/media/")
    (seen,) = world.plain.fetches(message["id"])
    assert (seen["status"], seen["content_type"], seen["sha256"]) == (
        200,
        "image/jpeg",
        sha256(pictures.jpeg(7)),
    )
    good = request(link)
    assert (good.status, good.body) == (200, pictures.jpeg(7))
    assert good.headers["x-content-type-options"] == "nosniff"
    assert good.headers["content-disposition"].startswith("attachment")
    token = link.removeprefix(f"{world.ingress}/media/").partition("/")[0]
    for wrong in (token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), token[:30], "x", token + "A"):
        assert request(f"{world.ingress}/media/{wrong}/link.jpg").status == 404
    expired = links.sign(
        message["parts"][0]["path"],
        folders=(world.attachments, world.data / "uploads"),
        content_type="image/jpeg",
        secret_key=(world.data / "secret.key").read_text().strip(),
        expires_at=int(time.time()) - 1,
    )
    assert request(f"{world.ingress}/media/{expired}/link.jpg").status == 404


def test_without_receipts_a_delivered_picture_is_only_relayed(world: World, number: Number) -> None:
    picture = world.acme.send(number(), from_=PLAIN, media=[{"url": _picture(world)}])
    assert _reports(world, picture, 2)["status"] == "relayed"
    text = world.acme.send(number(), "Hi", from_=PLAIN)
    assert world.acme.until(text, "delivered")["connection"] == "bandwidth-2"


def test_hand_off_and_delivery_in_the_wrong_order_end_delivered(world: World, number: Number) -> None:
    world.main.dial(reorder_events=1)
    message = _reports(world, world.acme.send(number(), media=[{"url": _picture(world)}]), 2)
    assert message["status"] == "delivered"
    told = [event for event in message["events"] if event["type"] in ("deliver", "hand_off")]
    assert [(event["type"], event["status"]) for event in told] == [
        ("deliver", "delivered"),
        ("hand_off", None),
    ]


def test_a_picture_over_the_limit_is_made_to_fit(world: World, number: Number) -> None:
    url = world.media.put("large.jpg", "image/jpeg", pictures.large_jpeg())
    message = world.acme.until(world.acme.send(number(), from_=TOLL_FREE, media=[{"url": url}]), "delivered")
    (seen,) = world.main.fetches(message["id"])
    assert seen["size"] <= 525_000 < len(pictures.large_jpeg())
    assert (seen["size"], seen["sha256"]) == (message["parts"][0]["size"], message["parts"][0]["sha256"])


def test_a_picture_that_phones_do_not_show_goes_out_as_one_they_do(world: World, number: Number) -> None:
    url = world.media.put("picture.bmp", "image/bmp", pictures.bitmap())
    message = world.acme.until(world.acme.send(number(), media=[{"url": url}]), "delivered")
    assert [one["content_type"] for one in world.main.fetches(message["id"])] == ["image/jpeg"]


def test_an_upload_that_the_media_store_refuses_for_now_is_tried_again(world: World, number: Number) -> None:
    world.main.dial(upload_errors={503: 1})
    message_id = world.acme.send(number(), media=[{"url": _picture(world)}])
    world.acme.when(message_id, lambda found: found["attempts"] and found["attempts"][0]["ended_at"])
    world.main.dial()
    message = world.acme.until(message_id, "delivered")
    assert message["attempts"][0]["outcome"] == "not_sent"
    assert len(world.main.creates(tag=message_id)) == 1


def test_a_message_waits_for_a_media_host_that_is_away_for_a_while(world: World, number: Number) -> None:
    url = world.media.put("soon.jpg", "image/jpeg", pictures.jpeg(9), trouble=[503])
    message = world.acme.until(world.acme.send(number(), media=[{"url": url}]), "delivered")
    assert len(world.media.asked(url)) == 2
    assert [part["sha256"] for part in message["parts"]] == [sha256(pictures.jpeg(9))]


def _picture(world: World) -> str:
    return world.media.put("plain.jpg", "image/jpeg", pictures.jpeg())


def _reports(world: World, message_id: str, count: int) -> dict[str, object]:
    """Wait until a message has had so many reports of its carrier."""

    def told() -> dict[str, object] | None:
        found = world.acme.look(message_id)
        kinds = [event["type"] for event in found["events"]]
        return found if kinds.count("hand_off") + kinds.count("deliver") >= count else None

    return eventually(told) or {}
