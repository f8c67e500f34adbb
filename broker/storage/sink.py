"""Write one file so that its final name only ever stands for all of it."""

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from broker.domain import ids
from broker.errors import MediaUnavailable

FILE_MODE = 0o640
FOLDER_MODE = 0o750
TEMPORARY = ".part-"
"""How the name of an unfinished file begins; final names never begin with a dot."""
NAME_BYTES = 255
"""The longest name that file systems take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that is complete, on disk and named. `size` is in bytes, `sha256` in hex."""

    path: Path
    size: int
    sha256: str


class Sink:
    """Take the bytes of one file as they come; leaving the `with` block without `commit` forgets them.

    Temporary name in the same folder, write, fsync, rename, fsync of the folder. `write` only fills the page
    cache; `commit` waits for the disk, so call it off the event loop.

    Raises:
        MediaUnavailable: the disk is full or failing; nothing is left under a final name.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"{TEMPORARY}{ids.new_id()}"
        self._hash = hashlib.sha256()
        self._folder_fd = -1
        self._fd = -1
        self.size = 0

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with _disk_trouble():
                make_folder(self._folder)
                # Every later step goes through this handle: a folder that is moved takes its file along.
                self._folder_fd = _open_folder(self._folder)
                self._fd = os.open(self._name, flags, FILE_MODE, dir_fd=self._folder_fd)
        except MediaUnavailable:
            self.abort()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    @property
    def sha256(self) -> str:
        """The hash of what was written so far, in hex."""
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        rest = memoryview(data)
        with _disk_trouble():
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        self._hash.update(data)
        self.size += len(data)

    def commit(self, final_name: str) -> Stored:
        """Make the bytes durable, then name them; a file that had the name before is replaced in one step.

        Raises:
            ValueError: `final_name` is not a plain file name.
        """
        check_name(final_name)
        with _disk_trouble():
            # A failed fsync is not repeated: the kernel may have dropped the pages that it could not write.
            os.fsync(self._fd)
            os.rename(self._name, final_name, src_dir_fd=self._folder_fd, dst_dir_fd=self._folder_fd)
            self._name = ""
            os.fsync(self._folder_fd)
        self.abort()
        return Stored(path=self._folder / final_name, size=self.size, sha256=self.sha256)

    def abort(self) -> None:
        """Remove what was written, unless it was committed; calling it again does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._folder_fd >= 0:
            if self._name:
                with suppress(OSError):  # the sweep gets what cannot be removed now
                    os.unlink(self._name, dir_fd=self._folder_fd)
            os.close(self._folder_fd)
            self._folder_fd = -1


def make_folder(folder: Path) -> None:
    """Make `folder` with its parents, so that they too survive a power cut."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir(FOLDER_MODE)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = _open_folder(folder)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_name(name: str) -> None:
    """Refuse what is not one plain, visible file name.

    Raises:
        ValueError: it is empty, hidden, too long, or has a separator or NUL in it.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(os.fsencode(name)) > NAME_BYTES:
        raise ValueError(f"not a file name: {name!r}")


def _open_folder(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


@contextmanager
def _disk_trouble() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "unknown")
        raise MediaUnavailable(f"cannot be written to disk ({reason})") from error
