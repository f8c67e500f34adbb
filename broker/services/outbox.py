"""Read a file that an Ozeki request names, and no other file of the machine."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from broker.errors import AttachmentUnavailable
from broker.storage.files import account_folder

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a FIFO that nobody writes to would wait for ever.
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read(
    outbox_root: Path,
    account: str,
    name: str,
    *,
    limit: int,
    prefixes: Sequence[tuple[str, str]] = (),
    pointer: str = "",
) -> bytes:
    """Return the bytes of the file `name` in the account's own outbox folder.

    `name` is relative to that folder, or absolute and begins with it; backslash and slash are equal. What begins with
    one of the `prefixes`, as Windows paths do, stands for what is in the folder beside it, in any case of letters. Each
    folder is opened by way of its parent without following links, so swapping one for a link meanwhile gains
    nothing (sheet ozeki 4.3).

    Raises:
        AttachmentUnavailable: no such file, not below the folder, not a plain file, or over `limit` bytes.
    """
    own = outbox_root / account_folder(account)
    try:
        return _read(own, _components(own, _meant(name.replace("\\", "/"), prefixes)), limit)
    except (OSError, ValueError) as error:
        # One answer for all: it must not tell a file that is not there from one that is not the account's.
        raise AttachmentUnavailable("the attachment is not available", pointer=pointer, value=name) from error


def _meant(name: str, prefixes: Sequence[tuple[str, str]]) -> str:
    """Return a path, below the account's folder where the operator has said where it leads."""
    for prefix, folder in prefixes:
        if name[: len(prefix)].lower() == prefix:
            return f"./{folder}/{name[len(prefix) :]}"
    return name


def _components(own: Path, name: str) -> Sequence[str]:
    parts = name.split("/")
    if not parts[0]:
        home = str(own.absolute()).replace("\\", "/").split("/")
        if parts[: len(home)] != home:
            raise ValueError("outside the account's folder")
        parts = parts[len(home) :]
    drive = len(parts[0]) > 1 and parts[0][1] == ":" if parts else False
    wanted = [part for part in parts if part not in ("", ".")]
    if drive or not wanted or ".." in wanted:
        raise ValueError("outside the account's folder")
    return wanted


def _read(own: Path, components: Sequence[str], limit: int) -> bytes:
    # The root is the operator's and may be a link; the account's folder and all below it may not.
    handle = os.open(own.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for component in (own.name, *components[:-1]):
        handle = _step(handle, component, FOLDER_FLAGS)
    handle = _step(handle, components[-1], FILE_FLAGS)
    try:
        found = os.fstat(handle)
        # A second hard link would be a way to name a file of somebody else.
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1 or found.st_size > limit:
            raise ValueError("not a plain file, or too large")
        with open(handle, "rb", closefd=False) as file:
            data = file.read(limit + 1)
    finally:
        os.close(handle)
    if len(data) > limit:
        raise ValueError("too large")
    return data


def _step(handle: int, component: str, flags: int) -> int:
    try:
        return os.open(component, flags, dir_fd=handle)
    finally:
        os.close(handle)
