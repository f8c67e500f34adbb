"""Media of arrivals that cannot be had, or not at once, or must not be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.flows import pictures
from tests.acceptance.flows.test_inbound import part, tags
from tests.acceptance.flows.world import MAIN, PLAIN, World

pytestmark = pytest.mark.flaky_prone

Number = Callable[[], str]

HTML = b"<!DOCTYPE html><html><body>Sign in</body></html>"


def arrive(world: World, text: str, *parts: dict[str, Any], end: str = "ready") -> dict[str, Any]:
    """Let a message come with its parts, and wait for its end."""
    world.main.inbound(sender="+12025550177", to=MAIN, text=text, media=list(parts))
    return world.acme.until(world.acme.arrived(text)["id"], end)


def picture(shade: int) -> dict[str, Any]:
    """Return a part with a picture."""
    return part("picture.jpg", "image/jpeg", pictures.jpeg(shade))


def test_a_token_that_the_media_store_refuses_is_renewed_and_the_part_fetched(
    world: World, number: Number
) -> None:
    arrive(world, f"Before {number()}", picture(40))
    before = world.main.stats()["tokens"]["given"]
    world.main.dial(revoke_tokens=True)
    message = arrive(world, f"Renewed {number()}", picture(41))
    assert message["parts"][0]["state"] == "stored"
    assert world.main.stats()["tokens"]["given"] == before + 1


def test_a_media_store_that_says_401_once_is_asked_again(world: World, number: Number) -> None:
    world.main.dial(broken_media="401", broken_media_count=1)
    message = arrive(world, f"Again {number()}", picture(42))
    assert [one["state"] for one in message["parts"]] == ["stored"]


def test_a_part_that_is_gone_leaves_the_message_incomplete_and_the_rest_of_it_whole(
    world: World, number: Number
) -> None:
    world.main.dial(broken_media="404", broken_media_count=1)
    text = f"Half of it {number()}"
    message = arrive(world, text, picture(43), picture(44), end="incomplete")
    assert message["text"] == text
    assert sorted(one["state"] for one in message["parts"]) == ["lost", "stored"]
    stored = next(one for one in message["parts"] if one["state"] == "stored")
    lost = next(one for one in message["parts"] if one["state"] == "lost")
    assert tags(message)["attachment"] == stored["path"]
    assert (lost["path"], lost["size"]) == (None, 0)
    folder = world.attachments / message["id"]
    assert [str(path) for path in folder.iterdir()] == [stored["path"]]


def test_a_body_that_breaks_off_is_fetched_again_and_whole(world: World, number: Number) -> None:
    world.main.dial(broken_media="cut", broken_media_count=1)
    message = arrive(world, f"Cut {number()}", part("large.jpg", "image/jpeg", pictures.large_jpeg()))
    path = Path(message["parts"][0]["path"])
    assert path.read_bytes() == pictures.large_jpeg()
    assert list(path.parent.iterdir()) == [path], "nothing of the first try is left"


@pytest.mark.parametrize(
    ("name", "data"),
    [("page.jpg", HTML), ("tool.jpg", b"MZ\x90\x00" + bytes(60)), ("drawing.jpg", b"<svg></svg>")],
)
def test_a_part_that_is_not_what_it_says_is_refused(
    world: World, number: Number, name: str, data: bytes
) -> None:
    message = arrive(world, f"{name} {number()}", part(name, "image/jpeg", data), end="incomplete")
    assert [(one["state"], one["path"]) for one in message["parts"]] == [("lost", None)]
    folder = world.attachments / message["id"]
    assert not folder.exists() or list(folder.iterdir()) == []


def test_a_part_over_the_size_limit_is_not_kept(world: World, number: Number) -> None:
    large = {"name": "large.jpg", "content_type": "image/jpeg", "size": 8 * 1024 * 1024 + 1}
    message = arrive(world, f"Too large {number()}", large, end="incomplete")
    assert [one["state"] for one in message["parts"]] == ["lost"]


def test_a_link_to_a_foreign_host_is_not_fetched_and_no_credential_is_shown(
    world: World, number: Number
) -> None:
    foreign = world.foreign.put("stolen.jpg", "image/jpeg", pictures.jpeg(45))
    downloads = world.plain.stats()["downloads"]
    host = world.main.url.removeprefix("http://")
    for url in (
        foreign,
        foreign.replace("http://", f"http://{host}@"),
        f"http://localhost:{world.foreign.authority.rpartition(':')[2]}/stolen.jpg",
        f"{world.plain.url}/api/v2/users/9900000/media/x/0/a.jpg",
    ):
        text = f"Trap {number()}"
        message = arrive(world, text, {"url": url}, picture(46), end="incomplete")
        assert sorted(one["state"] for one in message["parts"]) == ["lost", "stored"], url
    assert world.foreign.asked(foreign) == []
    assert world.plain.stats()["downloads"] == downloads


def test_a_slow_media_store_does_not_lose_the_part(world: World, number: Number) -> None:
    # The first try runs into the time limit of these stacks, which is four seconds.
    world.main.dial(broken_media="slow", broken_media_count=1)
    message = arrive(world, f"Slow {number()}", picture(47))
    assert [one["state"] for one in message["parts"]] == ["stored"]


def test_a_connection_with_basic_credentials_fetches_with_them(world: World, number: Number) -> None:
    text = f"Basic {number()}"
    world.plain.inbound(sender=number(), to=PLAIN, text=text, media=[picture(48)])
    message = world.acme.until(world.acme.arrived(text)["id"], "ready")
    assert message["connection"] == "bandwidth-2"
    assert world.plain.stats()["downloads"] >= 1
