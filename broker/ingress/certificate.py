"""The certificate of the HTTPS listener: read, checked, and read again when it was renewed."""

import asyncio
import ssl
from pathlib import Path

from cryptography.x509 import load_pem_x509_certificate

from broker.errors import ConfigurationError
from broker.log import get_logger
from broker.settings import Settings

log = get_logger()


class Certificate:
    """A certificate with its key, in a context that new connections are made with; `ends_at` is in Unix time."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Read both.

        Raises:
            ConfigurationError: a file cannot be read, is not what it should be, or they do not belong together.
        """
        self._cert = cert
        self._key = key
        self._seen = self._state()
        self.context = _context(cert, key)
        self.ends_at = _ends_at(cert)

    @classmethod
    def of(cls, settings: Settings) -> "Certificate | None":
        """Return the certificate of the settings, None where there is none.

        Raises:
            ConfigurationError: it cannot be used.
        """
        if settings.tls_cert is None:
            if settings.tls_key is not None:
                raise ConfigurationError("BROKER_TLS_KEY is set, and BROKER_TLS_CERT is not")
            return None
        return cls(settings.tls_cert, settings.tls_key or settings.tls_cert)

    def renew(self) -> bool:
        """Use what is in the files now; what cannot be used changes nothing. Return whether it could be."""
        self._seen = self._state()
        try:
            _context(self._cert, self._key)
        except ConfigurationError as error:
            log.error("certificate_not_renewed", reason=str(error))
            return False
        # Connections that are open go on with what they were made with.
        self.context.load_cert_chain(self._cert, self._key)
        self.ends_at = _ends_at(self._cert)
        log.info("certificate_renewed")
        return True

    async def watch(self, *, every_s: float) -> None:
        """Renew whenever a file has changed, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            if self._state() != self._seen:
                self.renew()

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return _stamp(self._cert), _stamp(self._key)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _ends_at(cert: Path) -> float:
    return load_pem_x509_certificate(cert.read_bytes()).not_valid_after_utc.timestamp()


def _context(cert: Path, key: Path) -> ssl.SSLContext:
    for name, file in (("BROKER_TLS_CERT", cert), ("BROKER_TLS_KEY", key)):
        try:
            file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"{name}: {file} cannot be read: {error.strerror}") from None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigurationError(f"BROKER_TLS_KEY: {key} is not the key of {cert}") from None
        raise ConfigurationError(
            f"BROKER_TLS_CERT: {cert} and {key} are no certificate and key in PEM"
        ) from None
    except ValueError:
        raise ConfigurationError(f"BROKER_TLS_KEY: {key} has a password; give it without one") from None
    return context


def _no_password() -> str:
    raise ValueError("nobody can be asked")
