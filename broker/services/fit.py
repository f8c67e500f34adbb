"""Make pictures fit into what a carrier takes."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import ExifTags, Image

from broker.domain.content_type import canonical
from broker.domain.media import safe_name
from broker.errors import MediaTooLarge, MediaWrongType

TARGET_BYTES = 500_000
"""What pictures are brought down to, together, once they have to be made smaller (mms-content 4.2)."""
MAX_PIXELS = 50_000_000
"""Pictures of more are not decoded (mms-content 3)."""
LADDER = ((1280, 85), (1280, 75), (1024, 75), (1024, 65), (800, 70), (800, 60), (640, 70), (640, 60))
"""Long side in pixels, and JPEG quality: from the best to the smallest."""

CONVERTED: Mapping[str, tuple[str, ...]] = {
    "image/webp": ("WEBP",),
    "image/bmp": ("BMP",),
    "image/tiff": ("TIFF",),
    "image/avif": ("AVIF",),
    "image/heic": ("HEIF",),  # of use only where a plug-in teaches Pillow to read it
}
"""Pictures that few phones show, and their names in Pillow: they go out as JPEG."""
PICTURES: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/gif": ("GIF",),
    **CONVERTED,
}

_TURNS: Mapping[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by its EXIF orientation."""
UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)
"""Pillow lets through whatever its decoders trip over in a file that is not what it says."""

Image.MAX_IMAGE_PIXELS = MAX_PIXELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One part of a message that is being made to fit. What is no picture passes as it is, but counts."""

    data: bytes
    content_type: str
    name: str = ""


def fit(
    parts: Sequence[Picture], budget_bytes: int, *, target_bytes: int = TARGET_BYTES
) -> tuple[Picture, ...]:
    """Return the parts, in order, as the carrier takes them: together at most `budget_bytes`.

    A picture of a type that phones do not show becomes a JPEG. Where the parts are over the budget, the pictures
    become JPEGs until they meet the target together and all parts the budget: the largest give way first, each to
    the same share. The rest is not touched, nor is an animation, which would lose its frames. Every new JPEG is
    upright and without metadata, and the same input gives the same output. It can take seconds: call it off the
    event loop.

    Raises:
        MediaTooLarge: the parts cannot be made to fit, or a picture has more than 50 megapixels.
        MediaWrongType: a picture has to be changed and cannot be read, or is of a type that nobody shows.
    """
    fitted = tuple(_converted(part) for part in parts)
    if _total(fitted) > budget_bytes:
        fitted = _shrunk(parts, fitted, budget_bytes, target_bytes)
    if _total(fitted) > budget_bytes:
        raise MediaTooLarge(f"{_total(fitted)} bytes of media, where {budget_bytes} are taken")
    return fitted


def _total(parts: Sequence[Picture]) -> int:
    return sum(len(part.data) for part in parts)


def _converted(part: Picture) -> Picture:
    known = canonical(part.content_type)
    if known.startswith("image/") and known not in PICTURES:
        raise MediaWrongType(f"{known} cannot be sent")
    return _named(part, _jpeg(_decode(part), *LADDER[0])) if known in CONVERTED else part


def _shrunk(
    originals: Sequence[Picture], parts: Sequence[Picture], budget: int, target: int
) -> tuple[Picture, ...]:
    """Give each picture its share, the smallest first: what they do not use is left to the others."""
    waiting = sorted(
        (at for at, part in enumerate(originals) if _may_shrink(part)), key=lambda at: len(parts[at].data)
    )
    result = list(parts)
    room = min(target, budget - sum(len(part.data) for at, part in enumerate(parts) if at not in waiting))
    for left, at in zip(range(len(waiting), 0, -1), waiting, strict=True):
        if len(parts[at].data) > room // left:
            # From the original again: a JPEG made of a JPEG loses twice.
            result[at] = min(_shrink(originals[at], room // left), parts[at], key=lambda part: len(part.data))
        room -= len(result[at].data)
    return tuple(result)


def _may_shrink(part: Picture) -> bool:
    known = canonical(part.content_type)
    if known != "image/gif":
        return known in PICTURES
    try:
        with Image.open(io.BytesIO(part.data), formats=PICTURES[known]) as image:
            return not getattr(image, "is_animated", False)
    except UNREADABLE as error:
        raise MediaWrongType("the image/gif cannot be read") from error


def _shrink(part: Picture, share: int) -> Picture:
    """Go down the ladder until the picture is within its share, or the ladder ends."""
    image = _decode(part)
    data = b""
    for side, quality in LADDER:
        data = _jpeg(image, side, quality)
        if len(data) <= share:
            break
    return _named(part, data)


def _decode(part: Picture) -> Image.Image:
    """Return the first frame, upright, on white, no larger than the top of the ladder, without any metadata."""
    known = canonical(part.content_type)
    try:
        with Image.open(io.BytesIO(part.data), formats=PICTURES[known]) as image:
            # The header is read, the pixels are not yet.
            if image.width * image.height > MAX_PIXELS:
                raise MediaTooLarge(f"more than {MAX_PIXELS // 1_000_000} megapixels")
            return _plain(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise MediaTooLarge(f"more than {MAX_PIXELS // 1_000_000} megapixels") from error
    except UNREADABLE as error:
        raise MediaWrongType(f"the {known} cannot be read") from error


def _plain(image: Image.Image) -> Image.Image:
    side = LADDER[0][0]
    turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    image.draft(
        "RGB", (side, side)
    )  # a JPEG is decoded at a half, a quarter or an eighth where that is enough
    if image.mode.startswith("I"):
        # Conversion would clip 16 bits to white.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    see_through = image.has_transparency_data
    image = image.convert("RGBA" if see_through else "RGB")
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    plain = Image.new("RGB", image.size, "white")
    plain.paste(image, mask=image.getchannel("A") if see_through else None)
    return plain.transpose(turn) if turn is not None else plain


def _jpeg(image: Image.Image, side: int, quality: int) -> bytes:
    smaller = image.copy()
    smaller.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    smaller.save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def _named(part: Picture, data: bytes) -> Picture:
    return Picture(data=data, content_type="image/jpeg", name=safe_name(part.name, "image/jpeg"))
