"""Sends in the words of MX Telecom, through to the carrier."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tests.acceptance.flows import pictures
from tests.acceptance.flows.http_client import Answer, File, form, query, request
from tests.acceptance.flows.world import World

Number = Callable[[], str]

LAYOUT = (
    b'<smil><head><layout><root-layout width="240" height="320"/></layout></head><body>'
    b'<par dur="5s"><img src="cat.jpg"/><text src="hello.txt"/></par><par dur="5s"><img src="dog.png"/></par>'
    b"</body></smil>"
)
MANIFEST = b"""# what is in here
show.smil=application/smil
cat.jpg=image/jpeg
hello.txt=text/plain
dog.png=image/png
"""


def package() -> bytes:
    """Return a zip with two pictures, a text and a layout."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest", MANIFEST)
        archive.writestr("show.smil", LAYOUT)
        archive.writestr("cat.jpg", pictures.jpeg(70))
        archive.writestr("hello.txt", "Hello Zoë")
        archive.writestr("dog.png", pictures.png())
    return packed.getvalue()


def login(world: World) -> dict[str, str]:
    """Return the two parameters of an account."""
    return {"user": world.acme.name, "pass": world.acme.password}


def taken(answer: Answer) -> str:
    """Check that an answer is bare digits, and return them."""
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain;charset=US-ASCII")
    assert re.fullmatch(rb"[1-9][0-9]{0,18}", answer.body), answer.body
    return answer.body.decode()


def of_number(world: World, number: str) -> list[dict[str, Any]]:
    """Return the messages that the native look-up finds by a number."""
    return list(world.acme.list(number=number)["data"])


def delivered(world: World, number: str) -> list[dict[str, Any]]:
    """Return the messages of a number once they are delivered."""
    return [world.acme.until(message["id"], "delivered") for message in of_number(world, number)]


def test_a_text_reaches_the_carrier_and_its_status_is_found_by_the_number(
    world: World, number: Number
) -> None:
    to = number()
    parameters = {"smsto": to[1:], "smsfrom": world.acme.sender[1:], "smsmsg": "Café", "note": "order 7"}
    answer = request(
        query(f"{world.ingress}/SMSSend", **login(world), **parameters, report="7", subaccount="n")
    )
    given = taken(answer)
    assert answer.headers["cache-control"] == "no-store"
    (message,) = of_number(world, given)
    assert (message["number"], message["to"], message["text"]) == (given, to, "Café")
    assert (message["note"], message["subaccount"]) == ("order 7", "n")
    assert len(delivered(world, given)) == 1
    assert [(one["text"], one["media"]) for one in world.main.creates(to=to)] == [("Café", [])]


def test_a_text_in_pieces_arrives_piece_by_piece_under_one_number(world: World, number: Number) -> None:
    to = number()
    text = "one two three " * 20
    parameters = {"smsto": to, "smsfrom": world.acme.sender, "smsmsg": text, "split": "3"}
    given = taken(request(query(f"{world.ingress}/sms/v1/send", **login(world), **parameters)))
    assert len(delivered(world, given)) == 2
    assert sorted(one["text"] for one in world.main.creates(to=to)) == sorted([text[:160], text[160:]])


def check_package(world: World, given: str, *recipients: str) -> None:
    """Check that a package with two pictures, text and layout was delivered to each recipient."""
    messages = delivered(world, given)
    assert sorted(message["to"] for message in messages) == sorted(recipients)
    for message in messages:
        assert [part["content_type"] for part in message["parts"]] == [
            "application/smil",
            "image/jpeg",
            "text/plain",
            "image/png",
        ]
        shown = [one["sha256"] for one in world.main.fetches(message["id"])]
        pictures_ = [part["sha256"] for part in message["parts"] if part["content_type"].startswith("image/")]
        assert shown == pictures_
        (create,) = world.main.creates(tag=message["id"])
        assert create["text"] == "Menu\nHello Zoë"


def test_a_zip_in_a_form_reaches_the_carrier_for_each_recipient(world: World, number: Number) -> None:
    first, second = number(), number()
    fields = {**login(world), "to": f"{first[1:]},{second}", "from": world.acme.sender, "subject": "Menu"}
    body, kind = form(
        fields, File(name="mms.zip", content_type="application/zip", data=package()), field="mms.zip"
    )
    answer = request(f"{world.ingress}/SendMMS", "POST", body=body, headers=kind)
    check_package(world, taken(answer), first, second)


def test_a_zip_at_an_address_reaches_the_carrier(world: World, number: Number) -> None:
    for send in (by_get, by_post):
        to = number()
        url = world.media.put("promo.zip", "application/zip", package())
        parameters = {**login(world), "to": to, "from": world.acme.sender, "subject": "Menu", "url": url}
        check_package(world, taken(send(world, parameters)), to)
        assert len(world.media.asked(url)) == 1, "it was fetched before the answer, and once"


def by_get(world: World, parameters: dict[str, str]) -> Answer:
    """Send by a query."""
    return request(f"{world.ingress}/SendMMS?{urlencode(parameters)}")


def by_post(world: World, parameters: dict[str, str]) -> Answer:
    """Send by a form without a file."""
    body, kind = form(parameters)
    return request(f"{world.ingress}/mms/v1/http/send", "POST", body=body, headers=kind)


def test_head_sends_nothing(world: World, number: Number) -> None:
    to = number()
    url = query(f"{world.ingress}/SMSSend", **login(world), smsto=to, smsmsg="Hi")
    answer = request(url, "HEAD")
    assert (answer.status, answer.headers["allow"], answer.body) == (405, "GET, POST", b"")
    assert len(delivered(world, taken(request(url)))) == 1
    assert len(world.main.creates(to=to)) == 1
