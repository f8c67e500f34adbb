"""The exception with which SQL says that it cannot serve, and its cause in a word."""

from sqlalchemy.exc import SQLAlchemyError as StorageAway

__all__ = ["StorageAway", "cause"]


def cause(error: StorageAway) -> str:
    """Return what the driver calls its error. Its text is not for logs: it holds the statement's values."""
    driver = getattr(error, "orig", None) or error
    return str(
        getattr(driver, "sqlite_errorname", None)
        or getattr(driver, "sqlstate", None)
        or type(driver).__name__
    )
