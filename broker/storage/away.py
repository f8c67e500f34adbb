"""The exception with which SQL says that it cannot serve, and its cause in a word."""

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import SQLAlchemyError as StorageAway

__all__ = ["StorageAway", "cause", "is_away"]

_TOO_MUCH = "54"
"""Class of PostgreSQL's errors that say of a value that it is too large: operational by name only."""


def cause(error: StorageAway) -> str:
    """Return what the driver calls its error. Its text is not for logs: it holds the statement's values."""
    driver = getattr(error, "orig", None) or error
    return str(
        getattr(driver, "sqlite_errorname", None)
        or getattr(driver, "sqlstate", None)
        or type(driver).__name__
    )


def is_away(error: BaseException) -> bool:
    """Say whether an error tells that the database does not serve, and nothing of what it was given."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    return not str(getattr(error.orig, "sqlstate", None) or "").startswith(_TOO_MUCH)
