"""Choosing a client by its name in the settings."""

from collections.abc import Mapping

from broker.errors import ConfigurationError
from broker.net.client import Client
from broker.net.lean import LeanClient
from broker.net.plain import AiohttpClient

CLIENTS: Mapping[str, type[Client]] = {"lean": LeanClient, "aiohttp": AiohttpClient}


def open_client(kind: str) -> Client:
    """Open a client of a kind on the running loop.

    Raises:
        ConfigurationError: there is no such kind.
    """
    try:
        return CLIENTS[kind]()
    except KeyError as error:
        raise ConfigurationError(f"there is no HTTP client called {kind}") from error
