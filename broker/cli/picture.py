"""A picture made on the spot, for messages that need one."""

from io import BytesIO


def postcard(caption: str, *, size: int = 320) -> bytes:
    """Return a JPEG with a sky, a sun and a caption."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (size, size * 3 // 4))
    draw = ImageDraw.Draw(picture)
    for y in range(picture.height):
        warm = y * 150 // picture.height
        draw.line([(0, y), (size, y)], fill=(70 + warm, 120 + warm // 2, 200 - warm // 2))
    middle, radius = size * 2 // 3, size // 9
    draw.ellipse([middle - radius, radius, middle + radius, radius * 3], fill=(255, 220, 120))
    draw.text((12, picture.height - 24), caption, fill=(255, 255, 255))
    file = BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
