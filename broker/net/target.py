"""Where a URL leads, read so strictly that nobody can read it otherwise."""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache

_PRINTABLE = re.compile(r"[!-\[\]-~]{1,8192}")  # ASCII without blanks, controls and the backslash
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

Origin = tuple[bool, str, int]
"""TLS or not, host, port: what a connection can be kept for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL taken apart. `host` is lower case and without brackets, `path` what the request line asks for."""

    origin: Origin
    authority: str
    path: str

    @property
    def host(self) -> str:
        """The name or address to connect to."""
        return self.origin[1]

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self.origin[2]

    @property
    def url(self) -> str:
        """The URL written anew, without a fragment, so that other parsers see no more than we did."""
        return f"{'https' if self.origin[0] else 'http'}://{self.authority}{self.path}"


@lru_cache(maxsize=2048)
def locate(url: str) -> Target:
    """Take an absolute http or https URL apart, leaving nothing to interpretation.

    Only what every parser reads alike is accepted: printable ASCII, no user information, a plain host name, a
    canonical dotted quad or a bracketed IPv6 address, and a port without leading zeros.

    Raises:
        ValueError: it is anything else; the text says what, without repeating the URL.
    """
    if not _PRINTABLE.fullmatch(url):
        raise ValueError("the URL is empty, too long or has characters that need encoding")
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("the URL is not an http or https one")
    secure = match[1].lower() == "https"
    host, port = split_authority(match[2], default_port=443 if secure else 80)
    written = f"[{host}]" if ":" in host else host
    return Target(
        origin=(secure, host, port),
        authority=written if port == (443 if secure else 80) else f"{written}:{port}",
        path=(match[3] or "/") + (match[4] or ""),
    )


def split_authority(text: str, *, default_port: int | None = None) -> tuple[str, int]:
    """Return the host, in lower case and without brackets, and the port of `host:port`.

    Raises:
        ValueError: it has user information, an odd host or port, or no port and there is no default.
    """
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        raise ValueError("the host is not a plain name or address")
    port = int(match[2]) if match[2] else default_port
    if port is None or port > 65535:  # noqa: PLR2004
        raise ValueError("the port is missing or out of range")
    return _host(match[1].lower()), port


def _host(host: str) -> str:
    if host.startswith("["):
        return str(ipaddress.IPv6Address(host[1:-1]))
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # 127.1, 2130706433, 0x7f.1 and 0177.0.0.1 reach loopback through some resolvers.
        if str(ipaddress.IPv4Address(host)) != host:
            raise ValueError("the address is not a canonical dotted quad")
        return host
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):  # noqa: PLR2004
        raise ValueError("the host is not a valid name")
    return host
