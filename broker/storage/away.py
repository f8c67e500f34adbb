"""The exception with which SQL says that it cannot serve."""

from sqlalchemy.exc import SQLAlchemyError as StorageAway

__all__ = ["StorageAway"]
