"""Remove the files of messages from MMSAttachments."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from broker.runtime import Runtime
from broker.storage import parts, redaction
from broker.storage.database import Sql
from broker.storage.files import remove_attachments


def removable(sql: Sql, ids: Sequence[str]) -> list[str]:
    """Return those messages that are closed and whose files no message needs that is being prepared."""
    done = redaction.closed(sql, ids)
    named = redaction.files(sql, done)
    needed = set(parts.unprepared(sql, [path for _, path in named])) if named else set()
    kept = {name for name, path in named if path in needed}
    return [name for name in done if name not in kept]


def remove_files(runtime: Runtime, ids: Sequence[str], *, spare: Sequence[str] = ()) -> int:
    """Remove the files of messages but those that others need (`spare`), for good; return how many were there.

    Uploads stay: they are removed when nobody has asked for them for a while.
    """
    named = runtime.database.read(partial(redaction.files, ids=ids))
    gone = sorted({Path(path) for _, path in named} - {Path(path) for path in spare})
    return remove_attachments(runtime.settings.attachments, gone)
