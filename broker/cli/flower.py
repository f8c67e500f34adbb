"""Become Flower, behind a password that no command line shows."""

import os
import sys

from broker.errors import ConfigurationError
from broker.settings import Settings


def become(settings: Settings, *, host: str, port: int) -> None:
    """Replace this process by Flower.

    Raises:
        ConfigurationError: there is no password, and Flower's pages would be open to everybody.
    """
    password = settings.flower_password.get_secret_value()
    if not password:
        raise ConfigurationError("Flower needs a password: set BROKER_FLOWER_PASSWORD")
    argv = [sys.executable, "-m", "workers.flower", f"--address={host}", f"--port={port}"]
    os.execve(sys.executable, argv, {**os.environ, "FLOWER_BASIC_AUTH": f"ops:{password}"})  # noqa: S606  # our own words
