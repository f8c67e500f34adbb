"""Make small pictures of stored ones, for people to recognise."""

import io
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from broker.errors import NotFound
from broker.services.fit import MAX_PIXELS, PICTURES, UNREADABLE

SIDE = 192
LARGE_SIDE = 1024
_FORMATS = sorted({name for names in PICTURES.values() for name in names})


def thumbnail(path: Path | BinaryIO, *, side: int = SIDE) -> bytes:
    """Return a PNG of at most so many pixels a side, made anew: nothing of the file itself is in it.

    Raises:
        NotFound: the file is gone, or no picture that can be read.
    """
    Image.init()
    known = [name for name in _FORMATS if name in Image.OPEN]  # some take a plug-in, which may not be there
    try:
        with Image.open(path, formats=known) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise NotFound("the picture is too large to be shown")
            picture.draft("RGB", (side, side))
            picture.thumbnail((side, side))
            out = io.BytesIO()
            picture.convert("RGBA").save(out, "PNG")
    except (*UNREADABLE, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise NotFound("there is no picture that can be shown") from error
    return out.getvalue()
