"""Which workers people want to take no work; a wish is about one process, and ends with it."""

from dataclasses import asdict, dataclass

import msgspec
import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """That the process that began at `started_ms` takes no work; who wants it since when, and why."""

    started_ms: int
    since_ms: int
    reason: str


_decoder = msgspec.json.Decoder(Wish)


def encoded(wish: Wish) -> bytes:
    """Return a wish as Redis keeps it."""
    return orjson.dumps(asdict(wish))


def decoded(text: bytes) -> Wish:
    """Return a wish that Redis kept."""
    return _decoder.decode(text)


def is_meant(text: bytes | None, *, started_ms: int) -> bool:
    """Say whether a wish is about this process, and not about one before it with the same name."""
    return text is not None and decoded(text).started_ms == started_ms
