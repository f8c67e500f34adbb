"""Seal secrets that must be readable again, and fingerprint those that need not."""

import base64
import hashlib
import hmac
from functools import cache

from cryptography.fernet import Fernet, InvalidToken

from broker.errors import ConfigurationError


def fingerprint(secret_key: str, api_key: str) -> str:
    """Return what is kept of an API key: enough to recognise it, not to use it."""
    return hmac.new(secret_key.encode(), api_key.encode(), hashlib.sha256).hexdigest()


class Vault:
    """Encrypts carrier credentials and signing secrets with a key derived from the deployment's secret."""

    def __init__(self, secret_key: str) -> None:
        self._fernet = Fernet(_derived(secret_key))

    def seal(self, text: str) -> str:
        """Return `text` encrypted."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            ConfigurationError: it was sealed with another key.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConfigurationError("the database was sealed with another BROKER_SECRET_KEY") from error


@cache
def _derived(secret_key: str) -> bytes:
    key = hashlib.scrypt(secret_key.encode(), salt=b"broker-vault", n=2**14, r=8, p=1, dklen=32)
    return base64.urlsafe_b64encode(key)
