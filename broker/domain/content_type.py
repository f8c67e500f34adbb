"""The media types that we know, with their spellings."""

from collections.abc import Mapping

OCTETS = "application/octet-stream"
PLAIN = "text/plain"
SMIL = "application/smil"

EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "image/heic": ("heic", "heif"),
    "image/bmp": ("bmp",),
    "image/tiff": ("tif", "tiff"),
    "video/mp4": ("mp4", "m4v"),
    "video/3gpp": ("3gp",),
    "video/3gpp2": ("3g2",),
    "video/quicktime": ("mov",),
    "video/webm": ("webm",),
    "audio/amr": ("amr",),
    "audio/mpeg": ("mp3",),
    "audio/mp4": ("m4a",),
    "audio/aac": ("aac",),
    "audio/3gpp": ("3ga",),
    "audio/ogg": ("ogg", "oga", "opus"),
    "audio/wav": ("wav",),
    "audio/midi": ("mid", "midi"),
    "text/vcard": ("vcf",),
    "text/calendar": ("ics",),
    "text/x-vcalendar": ("vcs",),
    PLAIN: ("txt",),
    "application/pdf": ("pdf",),
    SMIL: ("smil", "smi"),
}
"""Every type we carry, with its file extensions, the usual one first. HTML, SVG and DRM are left out."""

CARRIED = frozenset(EXTENSIONS)
"""What we bring home and show: the allow-list of inbound parts."""

_SAME: Mapping[str, str] = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
    "image/x-ms-bmp": "image/bmp",
    "video/3gp": "video/3gpp",
    "video/x-m4v": "video/mp4",
    "audio/mp3": "audio/mpeg",
    "audio/x-mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/m4a": "audio/mp4",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/x-amr": "audio/amr",
    "audio/amr-wb": "audio/amr",
    "audio/mid": "audio/midi",
    "audio/x-midi": "audio/midi",
    "text/x-vcard": "text/vcard",
    "text/directory": "text/vcard",
    "application/smil+xml": SMIL,
}

_BY_EXTENSION = {extension: known for known, extensions in EXTENSIONS.items() for extension in extensions}


def canonical(content_type: str) -> str:
    """Return a type without its parameters, in lower case, by its usual name."""
    bare = content_type.partition(";")[0].strip().lower()
    return _SAME.get(bare, bare)


def extension_of(content_type: str) -> str:
    """Return the usual file extension of a type, without its dot; `bin` for a type we do not know."""
    return EXTENSIONS.get(canonical(content_type), ("bin",))[0]


def by_name(name: str) -> str:
    """Return the type that a file's extension stands for, or an empty string."""
    return _BY_EXTENSION.get(name.rpartition(".")[2].lower(), "") if "." in name else ""
