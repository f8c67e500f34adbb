"""What leaves for the carrier: the parts in the layout's order, as bytes or as links, and never the layout."""

from pathlib import Path

import pytest
from PIL import Image

from broker.domain.layout import build, sources
from broker.domain.links import resolve
from broker.domain.message import Message, Part, PartKind, PartState
from broker.domain.value import replace
from broker.errors import Rejected
from broker.providers.choice import provider_for
from broker.providers.loopback import Loopback
from broker.services.outgoing import laid_out, outgoing
from broker.settings import Settings
from tests.factories import make_connection, make_message

SECRET_KEY = "a test key of thirty-two characters or more"
LAYOUT = (
    b'<smil><body><par><text src="a.txt"/><img src="b.jpg"/></par><par><img src="c.gif"/></par></body></smil>'
)
FILES = (
    ("c.gif", "image/gif", PartKind.MEDIA, b"GIF89a"),
    ("show.smil", "application/smil", PartKind.LAYOUT, LAYOUT),
    ("b.jpg", "image/jpeg", PartKind.MEDIA, b"\xff\xd8\xff"),
    ("a.txt", "text/plain", PartKind.TEXT, b"Hello"),
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path, secret_key=SECRET_KEY, public_url="https://us.example/", media_link_s=60
    )


@pytest.fixture
def message(settings: Settings) -> Message:
    plain = make_message(text="")
    folder = settings.attachments / plain.id
    folder.mkdir(parents=True)
    parts = []
    for index, (name, content_type, kind, data) in enumerate(FILES, start=1):
        path = folder / f"{index}-{name}"
        path.write_bytes(data)
        parts.append(
            Part(
                index=index,
                name=name,
                content_type=content_type,
                kind=kind,
                state=PartState.STORED,
                size=len(data),
                path=str(path),
            )
        )
    return replace(plain, parts=tuple(parts))


async def test_parts_leave_in_the_order_of_the_layout_and_text_as_text(
    settings: Settings, message: Message
) -> None:
    provider = provider_for(make_connection())

    shown = await laid_out(provider, message)
    parts = await outgoing(settings, provider, shown)

    assert shown.text == "Hello"
    assert [(part.name, part.data) for part in parts] == [("b.jpg", b"\xff\xd8\xff"), ("c.gif", b"GIF89a")]
    assert (message.text, len(message.parts)) == ("", 4)


async def test_pictures_that_were_prepared_for_a_carrier_that_takes_more_are_made_to_fit(
    settings: Settings,
) -> None:
    provider = provider_for(make_connection())
    path = settings.data_dir / "1-photo.jpg"
    Image.effect_noise((2000, 2000), 200).convert("RGB").save(path, quality=95)
    size = path.stat().st_size
    assert size > provider.limits.total_bytes
    part = Part(
        index=1,
        name="photo.jpg",
        content_type="image/jpeg",
        state=PartState.STORED,
        size=size,
        path=str(path),
    )

    (ready,) = await outgoing(settings, provider, make_message(parts=(part,)))

    assert ready.size == len(ready.data or b"") <= provider.limits.total_bytes
    assert path.stat().st_size == size, "the record stays as it was"


async def test_what_cannot_be_made_to_fit_is_refused_with_the_reason(settings: Settings) -> None:
    provider = provider_for(make_connection())
    path = settings.data_dir / "1-film.mp4"
    path.write_bytes(bytes(provider.limits.total_bytes + 1))
    part = Part(
        index=1,
        name="film.mp4",
        content_type="video/mp4",
        state=PartState.STORED,
        size=path.stat().st_size,
        path=str(path),
    )

    with pytest.raises(Rejected, match="bytes") as refused:
        await outgoing(settings, provider, make_message(parts=(part,)))

    assert refused.value.code == "limit"


async def test_text_that_the_subject_leaves_no_room_for_leaves_as_a_part(
    settings: Settings, message: Message
) -> None:
    provider = provider_for(make_connection())
    crowded = replace(message, subject="s" * 100, text="t" * (provider.limits.text - 101 - len("Hello")))

    shown = await laid_out(provider, crowded)

    assert shown.text == crowded.text
    assert [part.name for part in shown.parts] == ["a.txt", "b.jpg", "c.gif"]


async def test_without_a_layout_the_message_leaves_as_it_is(message: Message) -> None:
    plain = replace(message, parts=tuple(part for part in message.parts if part.kind is not PartKind.LAYOUT))

    assert await laid_out(provider_for(make_connection()), plain) is plain


async def test_in_link_mode_the_carrier_is_given_signed_links(settings: Settings, message: Message) -> None:
    connection = make_connection()
    provider = provider_for(replace(connection, config={**connection.config, "media_mode": "link"}))

    (part, _) = await outgoing(settings, provider, await laid_out(provider, message))

    assert part.data is None
    assert part.url is not None
    base, token, name = part.url.rsplit("/", 2)
    linked = resolve(token, folders=(settings.attachments, settings.uploads), secret_key=SECRET_KEY, now=0)
    assert (base, name) == ("https://us.example/media", "b.jpg")
    assert (str(linked.path), linked.content_type) == (message.parts[2].path, "image/jpeg")


async def test_a_part_whose_file_is_gone_is_refused(settings: Settings, message: Message) -> None:
    provider = provider_for(make_connection())
    gone = replace(message.parts[2], path=str(settings.attachments / "gone.jpg"))
    parts = (*message.parts[:2], gone, *message.parts[3:])

    with pytest.raises(Rejected):
        await outgoing(settings, provider, await laid_out(provider, replace(message, parts=parts)))


class Showing(Loopback):
    """A carrier that wants layouts."""

    layouts = True


def showing() -> Showing:
    return Showing(make_connection(provider="loopback", config={"base_url": "http://127.0.0.1:9"}))


async def test_a_carrier_that_wants_the_layout_gets_it_as_it_came(
    settings: Settings, message: Message
) -> None:
    shown = await laid_out(showing(), message)
    parts = await outgoing(settings, showing(), shown)
    assert shown == message
    assert [(part.name, part.data) for part in parts] == [(name, data) for name, _, _, data in FILES]


async def test_a_carrier_that_wants_a_layout_gets_one_where_there_is_none(
    settings: Settings, message: Message
) -> None:
    plain = replace(message, parts=tuple(part for part in message.parts if part.kind is not PartKind.LAYOUT))
    shown = await laid_out(showing(), plain)
    layout, *parts = await outgoing(settings, showing(), shown)
    assert (layout.name, layout.content_type, layout.size) == (
        "layout.smil",
        "application/smil",
        len(layout.data or b""),
    )
    assert sources(layout.data or b"") == ["c.gif", "b.jpg", "a.txt"]
    assert [part.name for part in parts] == ["c.gif", "b.jpg", "a.txt"]


def test_a_text_is_shown_with_what_is_before_it_and_names_do_no_harm() -> None:
    parts = [
        Part(index=1, name="one.txt", kind=PartKind.TEXT, content_type="text/plain"),
        Part(index=2, name='a"<&.mp4', content_type="video/mp4"),
        Part(index=3, name="two.txt", kind=PartKind.TEXT, content_type="text/plain"),
        Part(index=4, name="three.txt", kind=PartKind.TEXT, content_type="text/plain"),
        Part(index=5, name="s.amr", content_type="audio/amr"),
        Part(index=6, name="c.vcf", content_type="text/vcard"),
    ]
    built = build(parts)
    slides = built.decode().split('<par dur="5s">')[1:]
    assert [slide.count("src=") for slide in slides] == [1, 2, 1, 1, 1]
    assert sources(built) == [part.name for part in parts]
    assert [word for word in ("<video", "<audio", "<ref") if word in built.decode()] == [
        "<video",
        "<audio",
        "<ref",
    ]
