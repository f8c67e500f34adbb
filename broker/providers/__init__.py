"""Carriers, by the name that a connection calls them."""

from collections.abc import Mapping

from broker.domain.account import Connection
from broker.errors import ConfigurationError
from broker.providers.bandwidth.provider import Bandwidth
from broker.providers.base import Provider
from broker.providers.loopback import Loopback

PROVIDERS: Mapping[str, type[Provider]] = {
    provider.name: provider
    for provider in (
        Bandwidth,
        Loopback,
    )
}


def provider_for(connection: Connection) -> Provider:
    """Return the carrier that a connection talks to.

    Raises:
        ConfigurationError: there is no such provider, or a setting it needs is missing.
    """
    try:
        provider = PROVIDERS[connection.provider]
    except KeyError:
        raise ConfigurationError(
            f"connection {connection.name}: unknown provider {connection.provider}; known are {', '.join(PROVIDERS)}"
        ) from None
    return provider(connection)
