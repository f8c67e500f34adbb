"""A client of MX Telecom, through a whole stack: a zip goes out and is reported, an MMS comes in both ways."""

import base64
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.acceptance.flows import pictures
from tests.acceptance.flows.clients import Carrier
from tests.acceptance.flows.http_client import Answer, File, form, query, request
from tests.acceptance.flows.media_host import MediaHost
from tests.acceptance.stack import ACCOUNTS as OTHERS
from tests.acceptance.stack import SHORT, Stack, connection
from tests.sink import Reply, Sink, Told

ACCOUNTS = """
[[accounts]]
name = "mx-get"
password = "s3cret"
senders = ["+12025550152"]
inbound_numbers = ["+12025550152"]
callback_url = "{get}"
callback_dialect = "mxtelecom"

[[accounts]]
name = "mx-post"
password = "s3cret"
inbound_numbers = ["+12025550153"]
callback_url = "{post}"
callback_dialect = "mxtelecom"
inbound_mode = "post"
date_form = "uk2"
"""
NUMBERS = {"mx-get": "+12025550152", "mx-post": "+12025550153"}
SMIL = (
    b'<smil><body><par dur="5s"><img src="two.png"/><text src="hello.txt"/></par>'
    b'<par dur="5s"><img src="one.jpg"/></par></body></smil>'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A stack, the server of each of two customers, and a host for zips."""

    stack: Stack
    get: Sink
    post: Sink
    host: MediaHost

    @property
    def ingress(self) -> str:
        """Where customers call."""
        return str(self.stack.endpoints["ingress"])

    @property
    def carrier(self) -> Carrier:
        """The simulator."""
        return Carrier(url=self.stack.endpoints["simulator"], connection="bandwidth-1")

    def reports(self, number: str) -> list[dict[str, str]]:
        """Return what was reported of a request."""
        told = [fields(one) for one in self.get.told]
        return [one for one in told if one.get("requestid") == number or number in one.get("smsmsg", "")]

    def submitted(self, recipient: str) -> Any:
        """Wait for what the carrier was sent for a recipient."""
        return self.stack.until(lambda: self.carrier.creates(to=recipient))[0]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as opened:
        get, post = (opened.enter_context(closing(Sink())) for _ in range(2))
        host = opened.enter_context(closing(MediaHost()))
        provision = ACCOUNTS.format(get=get.url("/mx?key=1"), post=post.url()) + OTHERS
        provision += connection("+12025550152", "+12025550150", "+12025550151")
        allowed = json.dumps([get.authority, post.authority, host.authority])
        env = {**SHORT, "BROKER_EGRESS_ALLOW": allowed}
        stack = Stack(tmp_path_factory.mktemp("mxtelecom") / "up", env=env, provision=provision)
        stack.start()
        stack.faults(event_delay_ms=20)
        try:
            yield World(stack=stack, get=get, post=post, host=host)
        finally:
            stack.end()


def fields(told: Told) -> dict[str, str]:
    """Return the parameters of a call, each once."""
    return {name: found[0] for name, found in parse_qs(urlsplit(told.path).query).items()}


def zipped(**files: bytes) -> bytes:
    """Return a zip, a double underscore standing for the dot of a name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return packed.getvalue()


def whole(manifest: str = "") -> bytes:
    """Return the zip of two pictures, a text and a layout."""
    listed = manifest or (
        "# parts\nshow.smil=application/smil\none.jpg=image/jpeg\ntwo.png=image/png\nhello.txt=text/plain\n"
    )
    layout = {} if manifest else {"show__smil": SMIL}
    return zipped(
        manifest=listed.encode(),
        one__jpg=pictures.jpeg(),
        hello__txt="Grüße".encode(),
        two__png=pictures.png(),
        **layout,
    )


def send(world: World, data: bytes | None, *to: str, **more: str) -> Answer:
    """Send an MMS as a client of MX Telecom does: by POST with a zip, or by GET with its URL."""
    known = {"user": "mx-get", "pass": "s3cret", "from": NUMBERS["mx-get"].lstrip("+"), **more}
    if data is None:
        return request(f"{world.ingress}/SendMMS?{urlencode({**known, 'to': ','.join(to)})}")
    body, kind = form(
        {**known, "to": ",".join(to)},
        File(name="mms.zip", content_type="application/zip", data=data),
        field="mms.zip",
    )
    return request(f"{world.ingress}/SendMMS", "POST", body=body, headers=kind)


def accepted(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    assert answer.body.isdigit()
    return answer.body.decode()


def names(create: Any) -> list[str]:
    """Return the names of the media, as the carrier was given them."""
    return [link.rpartition("/")[2].partition("-")[2] or link.rpartition("/")[2] for link in create["media"]]


def test_two_pictures_a_text_and_a_layout_go_out_by_zip_and_are_reported(world: World) -> None:
    number = accepted(send(world, whole(), "12065550101", deliveryreport="true", readreport="true"))
    create = world.submitted("+12065550101")
    assert create["text"] == "Grüße"
    assert [name[-3:] for name in names(create)] == ["png", "jpg"], "as the layout shows them"

    (report,) = world.stack.until(lambda: world.reports(number))

    assert (
        report.items()
        >= {
            "key": "1",
            "requestid": number,
            "to": "12025550152",
            "from": "12065550101",
            "type": "1",
            "status": "3",
        }.items()
    )
    assert report["date"].endswith("+0000")
    assert 0 < int(report["id"]) < 1 << 63


def test_two_recipients_have_two_reports_of_one_request(world: World) -> None:
    number = accepted(send(world, whole(), "12065550102", "+12065550103", deliveryreport="true"))
    world.stack.until(lambda: len(world.reports(number)) == 2)
    first, second = world.reports(number)
    assert first["id"] != second["id"]
    assert {first["from"], second["from"]} == {"12065550102", "12065550103"}
    assert {first["to"], second["to"]} == {"12025550152"}


def test_a_failure_is_reported_as_one(world: World) -> None:
    world.stack.faults(event_delay_ms=20, recipient_failures={"+12065550104": 4720})
    try:
        number = accepted(send(world, whole(), "12065550104", deliveryreport="true"))
        (report,) = world.stack.until(lambda: world.reports(number))
    finally:
        world.stack.faults(event_delay_ms=20)
    assert (report["type"], report["status"]) == ("1", "5")


def test_who_does_not_ask_is_not_told(world: World) -> None:
    silent = accepted(send(world, whole(), "12065550105"))
    asked = accepted(send(world, whole(), "12065550105", deliveryreport="true"))
    world.stack.until(lambda: world.reports(asked))
    path = str(world.stack.endpoints["database"]).removeprefix("sqlite:///")

    def settled() -> bool:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = connection.execute(
                "SELECT c.state FROM callbacks c JOIN messages m ON m.id = c.message_id WHERE m.number = ?",
                (int(silent),),
            ).fetchall()
        return found == [("told",)]

    world.stack.until(settled)
    assert world.reports(silent) == []


def test_a_zip_is_fetched_from_its_url_and_goes_out_in_the_manifests_order(world: World) -> None:
    manifest = "two.png=image/png\nhello.txt=text/plain\none.jpg=image/jpeg\n"
    url = world.host.move("promo", world.host.put("promo.zip", "application/zip", whole(manifest)))
    accepted(send(world, None, "12065550106", url=url))
    create = world.submitted("+12065550106")
    assert create["text"] == "Grüße"
    assert [name[-3:] for name in names(create)] == ["png", "jpg"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/z.zip", "http://169.254.169.254/z.zip", "ftp://a.example/z"]
)
def test_a_url_that_leads_inside_is_refused(world: World, url: str) -> None:
    answer = send(world, None, "12065550107", url=url)
    assert (answer.status, answer.body.split(b"\n")[1]) == (403, b"5")


def test_a_text_is_reported_by_the_bits_of_its_request(world: World) -> None:
    known = {"user": "mx-get", "pass": "s3cret", "smsfrom": "12025550152", "smsto": "12065550108"}
    number = accepted(
        request(query(f"{world.ingress}/SMSSend", **known, smsmsg="Hi", report="7", note="order 7"))
    )
    (report,) = world.stack.until(lambda: world.reports(number))
    assert (
        report.items()
        >= {
            "smsmsg": f"REPORT {number} DELIVERED",
            "smsfrom": "12065550108",
            "smsto": "12025550152",
            "note": "order 7",
        }.items()
    )


def test_an_empty_answer_leaves_the_report_to_be_told_again_in_half_a_minute(world: World) -> None:
    world.get.answer = lambda path, before: Reply(body=b"")
    try:
        number = accepted(send(world, whole(), "12065550109", deliveryreport="true"))
        world.stack.until(lambda: world.reports(number))
        path = str(world.stack.endpoints["database"]).removeprefix("sqlite:///")

        def tried() -> Any:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                return connection.execute(
                    "SELECT c.state, c.attempts FROM callbacks c JOIN messages m ON m.id = c.message_id "
                    "WHERE m.number = ? AND c.http_status = 200",
                    (int(number),),
                ).fetchall()

        assert world.stack.until(tried) == [("owed", 1)]
    finally:
        world.get.answer = lambda path, before: Reply()
    assert len(world.reports(number)) == 1


PICTURE = {
    "name": "cat.jpg",
    "content_type": "image/jpeg",
    "data": base64.b64encode(pictures.jpeg(7)).decode(),
}
LAYOUT = {
    "name": "show.smil",
    "content_type": "application/smil",
    "data": base64.b64encode(pictures.SMIL).decode(),
}


def test_an_mms_that_arrives_is_told_of_and_fetched_as_often_as_one_likes(world: World) -> None:
    world.carrier.inbound(
        sender="+12065550199", to=NUMBERS["mx-get"], text="Look at this", media=[PICTURE, LAYOUT]
    )
    told = world.stack.until(lambda: [fields(one) for one in world.get.told if fields(one).get("expiry")])[-1]
    assert (told["from"], told["to"], told["type"]) == ("12065550199", "12025550152", "2")

    until = datetime.strptime(told["expiry"], "%Y-%m-%d %H:%M:%S%z")
    assert until > datetime.now(UTC) + timedelta(hours=24)

    known = {"user": "mx-get", "pass": "s3cret", "id": told["id"]}
    fetched = [request(query(f"{world.ingress}{path}", **known)) for path in ("/RetrieveMMS", "/RetrieveMMS")]

    assert [one.status for one in fetched] == [200, 200]
    assert fetched[0].headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(fetched[0].body)) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    assert kept.pop("manifest").decode().splitlines() == [
        "show.smil=application/smil",
        "cat.jpg=image/jpeg",
        "text.txt=text/plain",
    ]
    assert list(kept.values()) == [pictures.SMIL, pictures.jpeg(7), b"Look at this"]
    other = request(query(f"{world.ingress}/RetrieveMMS", **{**known, "user": "mx-post"}))
    assert (other.status, other.body.split(b"\n")[1]) == (403, b"5")


def test_what_was_fetched_can_be_sent_on_as_it_is(world: World) -> None:
    world.carrier.inbound(sender="+12065550198", to=NUMBERS["mx-get"], text="Send me on", media=[PICTURE])

    def told() -> Any:
        found = [fields(one) for one in world.get.told]
        return [one for one in found if one.get("from") == "12065550198" and one.get("type") == "2"]

    known = {"user": "mx-get", "pass": "s3cret", "id": world.stack.until(told)[0]["id"]}
    data = request(query(f"{world.ingress}/RetrieveMMS", **known)).body
    accepted(send(world, data, "12065550110"))
    create = world.submitted("+12065550110")
    assert create["text"] == "Send me on"
    assert len(create["media"]) == 1


def test_an_mms_that_arrives_is_brought_along(world: World) -> None:
    world.carrier.inbound(sender="+12065550197", to=NUMBERS["mx-post"], text="Look at this", media=[PICTURE])
    (told,) = world.stack.until(lambda: list(world.post.told))
    assert (told.method, told.path) == ("POST", "/told")
    mail = message_from_bytes(b"Content-Type: %s\r\n\r\n" % told.headers["content-type"].encode() + told.body)
    parts = {str(one.get_param("name", header="content-disposition")): one for one in mail.walk()}
    found = {name: parts[name].get_payload(decode=True) for name in ("from", "to", "type", "date", "mms.zip")}
    assert (found["from"], found["to"], found["type"]) == (b"12065550197", b"12025550153", b"2")
    assert found["date"].endswith(b" +0000")  # type: ignore[union-attr]
    with zipfile.ZipFile(io.BytesIO(found["mms.zip"])) as archive:  # type: ignore[arg-type]
        assert archive.namelist() == ["manifest", "cat.jpg", "text.txt"]
        assert archive.read("cat.jpg") == pictures.jpeg(7)


def test_a_text_that_arrives_is_told_in_the_words_of_both_interfaces(world: World) -> None:
    world.carrier.inbound(sender="+12065550196", to=NUMBERS["mx-get"], text="Yes & no")
    told = world.stack.until(
        lambda: [one for one in map(fields, world.get.told) if one.get("smsfrom") == "12065550196"]
    )[0]
    assert told.items() >= {"type": "6", "smsmsg": "Yes & no", "bits": "7", "smsid": told["id"]}.items()
