"""Remove files that nobody needs: what crashes left half written, and uploads that no message names."""

import time
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import structlog

from broker.settings import Settings
from broker.storage import files, parts
from broker.storage.database import Database

log = structlog.get_logger()

UNFINISHED_S = 24 * 3600
"""No writer takes this long between two writes."""

UNSENT_S = 8 * 24 * 3600
"""Longer than any message waits: the longest usual validity is seven days."""


def tidy(settings: Settings, database: Database) -> None:
    """Look through the folders once."""
    now = time.time()

    def used(paths: Sequence[Path]) -> Collection[Path]:
        named = database.read(partial(parts.unprepared, paths=[str(path) for path in paths]))
        return [Path(name) for name in named]

    folders = (settings.attachments, settings.uploads)
    unfinished = sum(files.sweep_orphans(root, older_than_s=UNFINISHED_S, now=now) for root in folders)
    unsent = files.sweep_uploads(settings.uploads, older_than_s=UNSENT_S, now=now, used=used)
    if unfinished or unsent:
        log.info("files_removed", unfinished=unfinished, unsent=unsent)
