"""Pictures that are too large, odd or hostile, made to fit; the pictures are real ones."""

import io
import random
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageDraw

from broker.errors import MediaTooLarge, MediaWrongType
from broker.services.fit import LADDER, TARGET_BYTES, Picture, fit

LOCAL, TOLL_FREE = 1_000_000, 525_000


def noise(width: int, height: int, *, mode: str = "RGB", seed: int = 1) -> Image.Image:
    """Return the hardest thing to compress, coarse enough to be like a photograph."""
    small = (max(1, width // 4), max(1, height // 4))
    depth = len(Image.new(mode, (1, 1)).getbands())
    pixels = random.Random(seed).randbytes(small[0] * small[1] * depth)
    return Image.frombytes(mode, small, pixels).resize((width, height), Image.Resampling.BICUBIC)


def picture(image: Image.Image, kind: str = "JPEG", name: str = "cat", **options: Any) -> Picture:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return Picture(data=out.getvalue(), content_type=f"image/{kind.lower()}", name=f"{name}.{kind.lower()}")


def opened(part: Picture) -> Image.Image:
    return Image.open(io.BytesIO(part.data))


@pytest.fixture(scope="module")
def photo() -> Picture:
    """A JPEG of 2400 x 1800 that is over every budget."""
    part = picture(noise(2400, 1800), quality=92)
    assert len(part.data) > LOCAL
    return part


def test_what_fits_is_not_touched() -> None:
    parts = [
        picture(noise(200, 100)),
        picture(noise(20, 10), "PNG"),
        picture(noise(20, 10, mode="L"), "GIF"),
        Picture(data=b"\0" * 1000, content_type="video/mp4", name="clip.mp4"),
    ]

    assert fit(parts, LOCAL) == tuple(parts)


def test_a_picture_between_target_and_budget_is_not_touched(photo: Picture) -> None:
    part = Picture(data=photo.data[:800_000], content_type="image/jpeg", name="cat.jpg")

    assert fit([part], LOCAL) == (part,)


def test_nothing_is_nothing() -> None:
    assert fit([], LOCAL) == ()


@pytest.mark.parametrize("budget", [LOCAL, TOLL_FREE, 300_000])
def test_a_picture_over_the_budget_becomes_a_jpeg_that_meets_the_target(photo: Picture, budget: int) -> None:
    (part,) = fit([photo], budget)

    assert len(part.data) <= min(budget, TARGET_BYTES)
    assert (part.content_type, part.name) == ("image/jpeg", "cat.jpeg")
    image = opened(part)
    assert (image.format, image.mode) == ("JPEG", "RGB")
    assert 640 <= max(image.size) <= 1280
    assert image.width / image.height == pytest.approx(4 / 3, abs=0.01)


def test_the_best_rung_that_fits_is_chosen(photo: Picture) -> None:
    sizes = []
    for budget in (600_000, 400_000, 200_000):
        (part,) = fit([photo], budget, target_bytes=budget)
        sizes.append(max(opened(part).size))

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_the_same_input_gives_the_same_output(photo: Picture) -> None:
    assert fit([photo], LOCAL) == fit([photo], LOCAL)


def test_a_picture_that_cannot_be_made_small_enough_is_too_large(photo: Picture) -> None:
    with pytest.raises(MediaTooLarge, match="20000"):
        fit([photo], 20_000)


def test_several_pictures_share_and_small_ones_stay_as_they_are(photo: Picture) -> None:
    small = picture(noise(100, 100), name="small")

    fitted = fit([photo, small, photo], LOCAL)

    assert fitted[1] is small
    assert sum(len(part.data) for part in fitted) <= TARGET_BYTES
    assert fitted[0] == fitted[2]
    assert len(fitted[0].data) > TARGET_BYTES / 4


def test_a_video_keeps_its_bytes_and_the_pictures_give_way(photo: Picture) -> None:
    video = Picture(data=b"\0" * 700_000, content_type="video/mp4", name="clip.mp4")

    fitted = fit([video, photo], LOCAL)

    assert fitted[0] is video
    assert 100_000 < len(fitted[1].data) <= 300_000


def test_a_video_over_the_budget_is_too_large() -> None:
    with pytest.raises(MediaTooLarge):
        fit([Picture(data=b"\0" * (TOLL_FREE + 1), content_type="video/mp4")], TOLL_FREE)


def test_the_target_is_a_wish_and_the_budget_is_not(photo: Picture) -> None:
    fitted = fit([photo] * 8, LOCAL, target_bytes=100_000)

    assert 100_000 < sum(len(part.data) for part in fitted) <= LOCAL


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "TIFF", "AVIF"])
def test_what_phones_do_not_show_becomes_a_jpeg_even_when_it_is_small(kind: str) -> None:
    (part,) = fit([picture(noise(64, 48), kind, "holiday.2026")], LOCAL)

    assert (part.content_type, part.name) == ("image/jpeg", "holiday.2026.jpg")
    assert opened(part).size == (64, 48)


def test_a_converted_picture_over_the_budget_is_shrunk_too() -> None:
    (part,) = fit([picture(noise(2000, 2000), "BMP")], 200_000)

    assert len(part.data) <= 200_000
    assert opened(part).format == "JPEG"


@pytest.mark.parametrize("content_type", ["image/heic", "image/svg+xml", "image/x-icon", "image/jp2"])
def test_a_picture_that_nobody_can_read_or_show_is_of_the_wrong_type(content_type: str) -> None:
    with pytest.raises(MediaWrongType):
        fit([Picture(data=b"\0\0\0\x18ftypheic" * 10, content_type=content_type)], LOCAL)


@pytest.mark.parametrize("spelling", ["image/jpg", "image/pjpeg", "IMAGE/JPEG; name=x"])
def test_other_spellings_of_a_type_are_known(photo: Picture, spelling: str) -> None:
    (part,) = fit([Picture(data=photo.data, content_type=spelling)], LOCAL)

    assert (part.content_type, part.name) == ("image/jpeg", "part.jpg")


def animation(frames: int = 3, size: int = 300) -> Picture:
    images = [noise(size, size, mode="L", seed=seed) for seed in range(frames)]
    return picture(images[0], "GIF", save_all=True, append_images=images[1:])


def test_an_animation_is_left_alone_and_the_others_give_way(photo: Picture) -> None:
    moving = animation()

    fitted = fit([moving, photo], 600_000)

    assert fitted[0] is moving
    assert sum(len(part.data) for part in fitted) <= 600_000


def test_an_animation_over_the_budget_is_too_large_and_not_frozen() -> None:
    moving = animation(4, 400)

    with pytest.raises(MediaTooLarge):
        fit([moving], len(moving.data) - 1)


def test_a_still_gif_may_become_a_jpeg() -> None:
    still = picture(noise(1000, 1000, mode="L"), "GIF")

    (part,) = fit([still], 250_000)

    assert (part.content_type, part.name) == ("image/jpeg", "cat.jpg")


def test_see_through_becomes_white() -> None:
    image = noise(800, 800, mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 400, 800))

    (part,) = fit([picture(image, "PNG")], 300_000)

    corner = opened(part).crop((0, 0, 150, 300)).convert("L").getextrema()
    assert isinstance(corner[0], int | float)
    assert corner[0] > 245


def test_a_palette_with_a_see_through_colour_becomes_white() -> None:
    image = Image.new("P", (40, 40), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])

    (part,) = fit([picture(image, "WEBP" if image.mode == "RGB" else "TIFF")], LOCAL)
    assert opened(part).getpixel((20, 20)) == (0, 0, 0)

    still = picture(image, "GIF", transparency=0)
    padded = Picture(data=still.data + b"\0" * 5000, content_type="image/gif")
    (part,) = fit([padded], 5000)
    assert opened(part).getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_every_kind_of_png_can_be_shrunk(mode: str) -> None:
    image = (
        noise(600, 600, mode="L").convert(mode) if mode != "I;16" else Image.new("I;16", (600, 600), 30_000)
    )
    part = picture(image, "PNG")
    padded = Picture(data=part.data + b"\0" * 400_000, content_type="image/png")

    (fitted,) = fit([padded], 350_000)

    assert opened(fitted).mode == "RGB"


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    part = picture(Image.new("I;16", (60, 60), 0x8000), "PNG")
    (fitted,) = fit([Picture(data=part.data + b"\0" * 9000, content_type="image/png")], 9000)

    assert opened(fitted).getpixel((30, 30)) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_other_jpegs_are_read(mode: str) -> None:
    (part,) = fit([picture(noise(1600, 1600, mode=mode), quality=95)], 400_000)

    assert opened(part).mode == "RGB"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_a_picture_is_turned_upright_and_loses_its_metadata(orientation: int, kind: str) -> None:
    upright = Image.new("RGB", (60, 40), "white")
    ImageDraw.Draw(upright).rectangle((0, 0, 29, 19), fill="red")
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    lying = upright.transpose(back) if back is not None else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "SecretMaker"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    options: dict[str, Any] = (
        {"comment": b"SecretRemark"} if kind == "JPEG" else {"xmp": b"<x>SecretRemark</x>"}
    )
    part = picture(lying, kind, exif=exif, icc_profile=b"SecretProfile" * 20, quality=95, **options)
    assert b"Secret" in part.data
    padded = Picture(data=part.data + b"\0" * 20_000, content_type=part.content_type)

    (fitted,) = fit([padded], 20_000)

    assert b"Secret" not in fitted.data
    image = opened(fitted)
    assert image.size == (60, 40)
    assert not image.getexif()
    red, white = image.getpixel((10, 10)), image.getpixel((50, 30))
    assert isinstance(red, tuple)
    assert isinstance(white, tuple)
    assert red[0] > 200
    assert red[1] < 60
    assert min(white) > 230


def test_a_picture_with_two_frames_for_three_dimensions_is_a_jpeg_still(photo: Picture) -> None:
    out = io.BytesIO()
    noise(1600, 1200).save(out, "MPO", save_all=True, append_images=[noise(1600, 1200, seed=2)], quality=95)

    (part,) = fit([Picture(data=out.getvalue(), content_type="image/jpeg")], LOCAL)

    assert opened(part).format == "JPEG"


def png_of(width: int, height: int) -> Picture:
    """A PNG whose header promises that many pixels, with next to no bytes behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return Picture(data=b"\x89PNG\r\n\x1a\n" + body + b"\0" * 9000, content_type="image/png", name="bomb.png")


@pytest.mark.parametrize("size", [(7072, 7072), (10_000, 10_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(MediaTooLarge, match="50 megapixels"):
        fit([png_of(*size)], 5000)


@pytest.mark.filterwarnings("ignore")
def test_the_limit_of_pixels_holds_where_warnings_are_not_errors() -> None:
    with pytest.raises(MediaTooLarge, match="50 megapixels"):
        fit([png_of(8000, 8000)], 5000)


def test_a_truncated_picture_is_of_the_wrong_type(photo: Picture) -> None:
    with pytest.raises(MediaWrongType):
        fit([Picture(data=photo.data[:1_100_000], content_type="image/jpeg")], LOCAL)


def test_a_picture_is_only_read_as_what_its_type_says(photo: Picture) -> None:
    with pytest.raises(MediaWrongType):
        fit([Picture(data=photo.data, content_type="image/png")], LOCAL)


@pytest.mark.filterwarnings("ignore")  # Pillow warns of odd EXIF, and goes on
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_damaged_picture_fits_or_is_refused_and_never_anything_else(kind: str, data: st.DataObject) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    options: dict[str, Any] = {"exif": exif} if kind in ("JPEG", "WEBP", "PNG") else {}
    broken = bytearray(picture(noise(40, 40), kind, **options).data)
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, min(len(broken), 300) - 1))] = data.draw(st.integers(0, 255))
    padded = Picture(data=bytes(broken) + b"\0" * 20_000, content_type=f"image/{kind.lower()}")

    try:
        (part,) = fit([padded], 20_000)
    except (MediaWrongType, MediaTooLarge):
        return
    assert part.content_type == "image/jpeg"


def test_the_ladder_keeps_to_what_was_agreed() -> None:
    sides, qualities = [side for side, _ in LADDER], [quality for _, quality in LADDER]

    assert (LADDER[0], LADDER[-1]) == ((1280, 85), (640, 60))
    assert sides == sorted(sides, reverse=True)
    assert all(60 <= quality <= 85 for quality in qualities)
