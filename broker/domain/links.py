"""Signed, expiring links to stored media."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from broker.errors import NotFound

_MAC_BYTES = 16
_FIELDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """What a link leads to. `path` lies lexically below one of the folders; symbolic links are not judged."""

    path: Path
    content_type: str


def sign(
    path: str | Path, *, folders: Sequence[Path], content_type: str, secret_key: str, expires_at: int
) -> str:
    """Return the token of a link to a file below one of `folders`: `/media/<token>` or `/media/<token>/<name>`.

    `expires_at` is in Unix seconds. The folders must be given to `resolve` in the same order: first
    `Settings.attachments`, then `Settings.uploads`.

    Raises:
        ValueError: the file lies in none of the folders.
    """
    for index, folder in enumerate(folders):
        if Path(path).is_relative_to(folder):
            relative = Path(path).relative_to(folder).as_posix()
            payload = "\n".join((str(expires_at), str(index), content_type, relative)).encode()
            mac = _mac(payload, secret_key)
            return base64.urlsafe_b64encode(mac + payload).rstrip(b"=").decode()
    raise ValueError("the file lies in none of the folders")


def resolve(token: str, *, folders: Sequence[Path], secret_key: str, now: float) -> Linked:
    """Return what a token leads to.

    Raises:
        NotFound: it is not ours, was tampered with, or has expired; which of these is not said.
    """
    try:
        raw = base64.b64decode(token.encode() + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise NotFound("there is no such media") from None
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(payload, secret_key)):
        raise NotFound("there is no such media")
    expires_at, index, content_type, relative = payload.decode().split("\n", _FIELDS - 1)
    if now >= int(expires_at) or ".." in PurePosixPath(relative).parts:
        raise NotFound("there is no such media")
    return Linked(path=folders[int(index)] / relative, content_type=content_type)


def _mac(payload: bytes, secret_key: str) -> bytes:
    key = hashlib.sha256(b"media link\n" + secret_key.encode()).digest()
    return hmac.digest(key, payload, "sha256")[:_MAC_BYTES]
