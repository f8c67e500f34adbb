"""Where the files of messages are kept: MMSAttachments, the uploads ahead of a send, the sweep of both."""

import hashlib
import json
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from broker.domain import ids
from broker.errors import Busy, MediaUnavailable
from broker.storage.sink import NAME_BYTES, TEMPORARY, Sink, Stored, check_name, sync_folder

__all__ = [
    "Sink",
    "Stored",
    "StoredUpload",
    "account_folder",
    "find_upload",
    "forget_upload",
    "part_path",
    "remove_attachments",
    "store_upload",
    "sweep_orphans",
    "sweep_uploads",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpload:
    """Media that a customer left with us ahead of a send; `name` is the customer's own."""

    id: str
    path: Path
    content_type: str
    size: int
    sha256: str
    name: str


def part_path(root: Path, message_id: str, index: int, safe_name: str) -> Path:
    """Return where part `index` (from 1) of a message is kept: `<root>/<message id>/<index>-<safe name>`.

    Raises:
        ValueError: the id is not one of ours, or the name is not one file name.
    """
    name = f"{index}-{safe_name}"
    check_name(name)
    if not ids.is_id(message_id) or index < 1:
        raise ValueError(f"not a part of a message: {message_id!r}, {index}")
    return root / message_id / name


def account_folder(account: str) -> str:
    """Return the folder name of an account: its own name where that is safe, else spelled with %XX.

    Two accounts never share one, and no name leads elsewhere.
    """
    name = quote(account, safe=" @+,=")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    if not name or len(name) > NAME_BYTES:
        return f"%-{hashlib.sha256(account.encode()).hexdigest()}"  # no quoted name begins so
    return name


def store_upload(root: Path, account: str, data: bytes, *, content_type: str, name: str) -> StoredUpload:
    """Keep media that a later send will name by its id.

    The description goes to disk first and the bytes get their name last: an upload that can be seen is whole.

    Raises:
        Busy: the disk does not take it.
    """
    media_id = ids.new_id()
    path = root / account_folder(account) / media_id
    try:
        with Sink(path.parent) as sink, Sink(path.parent) as description:
            sink.write(data)
            described = {"content_type": content_type, "size": sink.size, "sha256": sink.sha256, "name": name}
            description.write(json.dumps(described).encode())
            description.commit(f"{media_id}.json")
            sink.commit(media_id)
    except MediaUnavailable as error:
        forget_upload(path)
        raise Busy("media cannot be stored now") from error
    return StoredUpload(
        id=media_id, path=path, content_type=content_type, size=sink.size, sha256=sink.sha256, name=name
    )


def find_upload(root: Path, account: str, media_id: str) -> StoredUpload | None:
    """Return the account's upload of that id, or None; being asked for also keeps it from the sweep."""
    if not ids.is_id(media_id):
        return None
    path = root / account_folder(account) / media_id
    try:
        described = json.loads(_description(path).read_bytes())
        os.utime(path)
    except (FileNotFoundError, ValueError):
        return None
    return StoredUpload(id=media_id, path=path, **described)


def forget_upload(path: Path) -> None:
    """Remove an upload, by the path of its bytes."""
    path.unlink(missing_ok=True)
    _description(path).unlink(missing_ok=True)


def remove_attachments(root: Path, paths: Sequence[Path]) -> int:
    """Remove files below `root`, and folders that are empty then, for good; return how many files were there.

    What lies elsewhere is left alone.
    """
    removed = 0
    for path in paths:
        if root in path.parents and path.exists():
            path.unlink(missing_ok=True)
            removed += 1
    for folder in {path.parent for path in paths if root in path.parents}:
        with suppress(OSError):  # there are other files in it, or somebody was faster
            folder.rmdir()
    if removed:
        sync_folder(root)
    return removed


def sweep_orphans(root: Path, *, older_than_s: float, now: float) -> int:
    """Remove the temporary files that crashes left behind; return how many. `now` is Unix time in seconds.

    Choose an age that no writer reaches between two writes.
    """
    before = now - older_than_s
    return sum(_remove_if_old(path, before) for path in _temporary_files(root))


def sweep_uploads(
    root: Path, *, older_than_s: float, now: float, used: Callable[[Sequence[Path]], Collection[Path]]
) -> int:
    """Remove the uploads last asked for long ago that no message has; return how many.

    `used` is given the paths of one account's old uploads, and returns those that a message still names. The
    age must be above that of the oldest message that waits, since SQL does not know those yet.
    """
    before = now - older_than_s
    removed = 0
    for folder in _folders(root):
        old = [path for path in sorted(folder.iterdir()) if _is_old(path, before)]
        uploads = [path for path in old if ids.is_id(path.name)]
        kept = set(used(uploads)) if uploads else set()
        for path in uploads:
            if path not in kept and _remove_if_old(path, before):
                forget_upload(path)
                removed += 1
        for path in old:
            # A crash between the two renames leaves a description without bytes.
            if path.suffix == ".json" and not path.with_suffix("").exists():
                path.unlink(missing_ok=True)
    return removed


def _description(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [entry for entry in sorted(root.iterdir()) if entry.is_dir() and not entry.is_symlink()]


def _temporary_files(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names if name.startswith(TEMPORARY))


def _is_old(path: Path, before: float) -> bool:
    with suppress(FileNotFoundError):
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and found.st_mtime < before
    return False


def _remove_if_old(path: Path, before: float) -> bool:
    if not _is_old(path, before):
        return False
    path.unlink(missing_ok=True)
    return True
