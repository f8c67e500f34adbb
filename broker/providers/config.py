"""A connection's settings, read with errors that name them."""

from collections.abc import Sequence

from broker.domain.account import Connection
from broker.errors import ConfigurationError
from broker.providers.basic import Basic


class Config:
    """The provider's own table in a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def setting(self, key: str) -> str | None:
        """Return a setting of the connection, or None where it is absent or empty."""
        value = self._connection.config.get(key)
        return None if value is None or value == "" else str(value)

    def required(self, key: str) -> str:
        """Return a setting that the connection must have.

        Raises:
            ConfigurationError: it has not.
        """
        value = self.setting(key)
        if value is None:
            raise ConfigurationError(f"connection {self._connection.name}: {key} is missing")
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a yes-or-no setting.

        Raises:
            ConfigurationError: it is neither true nor false.
        """
        value = self._connection.config.get(key, default)
        if not isinstance(value, bool):
            raise ConfigurationError(f"connection {self._connection.name}: {key} must be true or false")
        return value

    def basic(self, username: str, password: str) -> Basic | None:
        """Return the credentials in two settings, or None where both are absent.

        Raises:
            ConfigurationError: one is there without the other.
        """
        if self.setting(username) is None and self.setting(password) is None:
            return None
        return Basic(username=self.required(username), password=self.required(password))

    def one_of(self, key: str, choices: Sequence[str]) -> str:
        """Return a setting that knows only certain values, the first being what an absent one means.

        Raises:
            ConfigurationError: it has another value.
        """
        value = self.setting(key) or choices[0]
        if value not in choices:
            raise ConfigurationError(
                f"connection {self._connection.name}: {key} must be one of {', '.join(choices)}"
            )
        return value
