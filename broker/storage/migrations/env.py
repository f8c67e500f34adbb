"""Alembic's entry: where the database is, and what it should look like."""

from alembic import context

from broker.settings import Settings
from broker.storage.engine import open_engine
from broker.storage.tables import metadata


def run() -> None:
    """Apply the migrations to the database that Alembic was given, or else to the one of the settings."""
    given = context.config.get_section(context.config.config_ini_section, {})
    url = given.get("sqlalchemy.url") or Settings.load().database
    engine = open_engine(url)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
