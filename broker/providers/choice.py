"""Which carrier a connection talks to."""

from broker.domain.account import Connection
from broker.errors import ConfigurationError
from broker.providers import PROVIDERS
from broker.providers.base import Provider


def provider_for(connection: Connection) -> Provider:
    """Return the connection's carrier, ready to talk.

    Raises:
        ConfigurationError: there is no such provider, or a setting it needs is missing.
    """
    provider = PROVIDERS.get(connection.provider)
    if provider is None:
        known = ", ".join(PROVIDERS)
        raise ConfigurationError(
            f"connection {connection.name}: unknown provider {connection.provider}; known are {known}"
        )
    return provider(connection)
