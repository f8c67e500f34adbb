"""What a person should try about dead letters, by what broke them."""

from collections.abc import Mapping

from broker.domain.dead import DIED, LOST, Kind

_LATER = "put them back once a version that has it mended is running"
_OURS = f"A mistake of ours, at the place that is named with it: {_LATER}."
_NEVER = "No version will take it as it is: discard it, and tell who sent it."
_BY_ERROR: Mapping[str, str] = {
    DIED: (
        "The worker's process ended in the middle, without a word: look for the kernel's out-of-memory killer and for "
        "crashes at that time, give workers more memory, then put one back alone and watch."
    ),
    LOST: (
        "Its content is gone from Redis and was never on record: find out who deleted it, tell the customer, and "
        "discard it."
    ),
    "MemoryError": "Give workers more memory, or lower the limits for bodies and media, then put it back.",
    "OverflowError": f"A number in it is too large for the database. {_NEVER}",
    "DataError": f"The database cannot hold a value in it. {_NEVER}",
    "IntegrityError": "The database holds something that contradicts it, maybe a repeat: look for it by its id first.",
    "ProgrammingError": "The schema is not what this version expects: apply the migrations, then put them back.",
    "OperationalError": "The database refused it: look for a full disk or a missing migration, then put them back.",
    "FileNotFoundError": "A file is missing: see whether all workers share one data folder, then put it back.",
    "PermissionError": "A worker may not read or write a file: mend the rights of the data folder, then put them back.",
    "OSError": "The disk refused: look for a full or read-only disk, then put them back.",
    "InvalidToken": "It is sealed with another secret key: start workers with the key it had, then put them back.",
}
ERRORS = tuple(_BY_ERROR)
"""The types of errors that more is known of."""
_BY_KIND: Mapping[Kind, str] = {
    Kind.WEBHOOK: f"Our reading of the carrier's words broke: {_LATER}. The carrier does not send them again.",
    Kind.MEDIA: f"Reading the media broke: {_LATER}, or discard it, and the message goes on without it.",
}


def remedy(kind: Kind, error: str) -> str:
    """Return what to try; `error` is the types of an error and of its causes: the first that is known counts."""
    known = (_BY_ERROR[name] for name in (error, *error.split(" from ")) if name in _BY_ERROR)
    return next(known, _BY_KIND.get(kind, _OURS))
