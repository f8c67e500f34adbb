"""Files that look like what phones send."""

import io
import random
from functools import lru_cache

from PIL import Image

SMIL = (
    b"<smil><head><layout><root-layout/></layout></head>"
    b'<body><par dur="5s"><img src="1.jpg"/></par></body></smil>'
)


@lru_cache
def jpeg(shade: int = 128) -> bytes:
    """Return a small JPEG; another shade makes another file."""
    kept = io.BytesIO()
    Image.new("RGB", (48, 32), (shade % 256, 90, shade // 256)).save(kept, "JPEG")
    return kept.getvalue()


@lru_cache
def png() -> bytes:
    """Return a small PNG."""
    kept = io.BytesIO()
    Image.new("RGB", (32, 32), "navy").save(kept, "PNG")
    return kept.getvalue()


@lru_cache
def bitmap() -> bytes:
    """Return a small bitmap."""
    kept = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(kept, "BMP")
    return kept.getvalue()


@lru_cache
def large_jpeg() -> bytes:
    """Return a JPEG of 0.6 to 1 MB: more than toll-free senders may send."""
    noise = random.Random(1).randbytes(1200 * 1200 * 3)
    kept = io.BytesIO()
    Image.frombytes("RGB", (1200, 1200), noise).save(kept, "JPEG", quality=75)
    assert 600_000 < len(kept.getvalue()) < 1_000_000
    return kept.getvalue()
