"""Media that must not be fetched or sent, and is not."""

from collections.abc import Callable

import pytest

from tests.acceptance.flows import pictures
from tests.acceptance.flows.http_client import File, request
from tests.acceptance.flows.world import World

Number = Callable[[], str]

HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"


def inside(world: World) -> list[str]:
    """Return URLs that lead inside, each its own way."""
    port = world.foreign.authority.rpartition(":")[2]
    return [
        f"http://127.0.0.1:{port}/a.jpg",
        f"http://localhost:{port}/a.jpg",
        f"http://[::1]:{port}/a.jpg",
        f"http://[::ffff:127.0.0.1]:{port}/a.jpg",
        f"http://2130706433:{port}/a.jpg",
        f"http://0x7f.1:{port}/a.jpg",
        f"http://user@127.0.0.1:{port}/a.jpg",
        "http://127.0.0.1/a.jpg",
        "http://10.0.0.1/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00::1]/a.jpg",
        "http://server.internal/a.jpg",
        "ftp://example.com/a.jpg",
        "file:///etc/passwd",
    ]


def test_a_url_that_leads_inside_is_refused_and_nothing_is_fetched(world: World, number: Number) -> None:
    to = number()
    world.foreign.put("a.jpg", "image/jpeg", pictures.jpeg())
    for url in inside(world):
        answer = world.acme.post({"to": to, "media": [{"url": url}]})
        assert answer.status in (400, 422), url
        assert answer.json()["errors"][0]["pointer"].startswith("/media/0"), url
    assert world.foreign.seen == []
    assert world.acme.list(to=to)["data"] == []


def test_a_callback_url_that_leads_inside_is_refused(world: World, number: Number) -> None:
    for url in inside(world):
        answer = world.acme.post({"to": number(), "text": "Hi", "callback_url": url})
        assert answer.status in (400, 422), url
        assert answer.json()["errors"][0]["pointer"] == "/callback_url"


def test_a_redirect_to_an_inside_address_is_not_followed(world: World, number: Number) -> None:
    to = number()
    target = world.foreign.put("behind.jpg", "image/jpeg", pictures.jpeg())
    url = world.media.move("moved.jpg", target)
    message = world.acme.until(world.acme.send(to, media=[{"url": url}]), "rejected")
    assert "elsewhere" in message["events"][-1]["detail"]
    assert world.foreign.asked(target) == []
    assert world.main.creates(to=to) == []


@pytest.mark.parametrize(
    ("name", "content_type", "data"),
    [
        ("page.jpg", "image/jpeg", HTML),
        ("page.html", "text/html", HTML),
        ("drawing.svg", "image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        ("tool.exe", "application/octet-stream", b"MZ\x90\x00" + bytes(60)),
        ("archive.zip", "application/zip", b"PK\x03\x04" + bytes(60)),
        ("paper.pdf", "application/pdf", b"%PDF-1.7\n"),
        ("half.jpg", "image/jpeg", b""),
    ],
)
def test_media_of_a_forbidden_type_is_refused_and_not_sent(
    world: World, number: Number, name: str, content_type: str, data: bytes
) -> None:
    to = number()
    url = world.media.put(name, content_type, data)
    message_id = world.acme.send(to, media=[{"url": url}])
    if data:
        assert world.acme.until(message_id, "rejected")["attempts"] == []
    else:
        world.acme.when(message_id, lambda found: world.media.asked(url) and found["status"] == "preparing")
    assert world.main.creates(to=to) == []


def test_media_that_is_not_there_is_refused(world: World, number: Number) -> None:
    to = number()
    gone = f"http://{world.media.authority}/nowhere.jpg"
    message = world.acme.until(world.acme.send(to, media=[{"url": gone}]), "rejected")
    assert "404" in message["events"][-1]["detail"]
    assert world.main.creates(to=to) == []


def test_an_upload_of_a_forbidden_type_or_size_is_refused_at_the_door(world: World, number: Number) -> None:
    too_large = b"\xff\xd8\xff\xe0" + bytes(8 * 1024 * 1024)
    assert world.acme.upload(HTML, "image/jpeg").status == 415
    assert world.acme.upload(b"MZ\x90\x00", "application/octet-stream").status == 415
    assert world.acme.upload(too_large, "image/jpeg").status == 413
    assert world.acme.upload(b"", "image/jpeg").status in (400, 422)
    to = number()
    for name, kind, data in (
        ("a.jpg", "image/jpeg", HTML),
        ("b.jpg", "image/jpeg", too_large),
        ("c.jpg", "image/jpeg", b""),
        ("d.exe", "application/x-msdownload", b"MZ\x90\x00"),
    ):
        answer = world.acme.post_form({"to": to}, File(name=name, content_type=kind, data=data))
        assert 400 <= answer.status < 500, name
        assert answer.json()["errors"][0]["pointer"] == "/media/0", name
    assert world.acme.list(to=to)["data"] == []


def test_an_account_without_the_right_sends_no_multimedia(world: World, number: Number) -> None:
    assert world.texter.upload(pictures.jpeg(), "image/jpeg").status == 403
    body = {"to": number(), "media": [{"url": world.media.put("t.jpg", "image/jpeg", pictures.jpeg())}]}
    assert world.texter.post(body).status == 403
    assert world.texter.post({"to": number(), "text": "Hi", "subject": "S"}).status == 403
    assert world.texter.list()["data"] == []


def test_pictures_that_cannot_be_made_to_fit_are_refused(world: World, number: Number) -> None:
    to = number()
    url = world.media.put("film.mp4", "video/mp4", b"\0\0\0\x18ftypmp42" + bytes(1_100_000))
    message = world.acme.until(world.acme.send(to, media=[{"url": url}]), "rejected")
    assert "bytes" in message["events"][-1]["detail"]
    assert world.main.creates(to=to) == []


def test_a_media_link_without_a_signature_leads_nowhere(world: World) -> None:
    for path in ("/media/", "/media/..%2f..%2fsecret.key", "/media/x/../../secret.key", "/media/%00"):
        assert request(world.ingress + path).status == 404


def test_text_and_subject_that_are_too_long_together_are_refused(world: World, number: Number) -> None:
    to = number()
    message = world.acme.until(world.acme.send(to, "x" * 2000, subject="y" * 200), "rejected")
    assert "2048" in message["events"][-1]["detail"]
    assert world.main.creates(to=to) == []
