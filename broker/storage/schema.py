"""Bring a database to the present schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from broker.storage.engine import open_engine


def upgrade(url: str) -> None:
    """Apply every migration that is missing."""
    command.upgrade(_config(url), "head")


def is_current(url: str) -> bool:
    """Say whether the database has the schema this version needs."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return found == ScriptDirectory.from_config(_config(url)).get_current_head()


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    # Percent signs in a URL would be taken for interpolation.
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def check(url: str) -> None:
    """Raise what Alembic raises when tables.py says something that no migration does."""
    command.check(_config(url))
