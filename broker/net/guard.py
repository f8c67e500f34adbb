"""The wall that keeps other people's URLs out of our own network."""

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

from broker.errors import ConfigurationError, MediaForbidden
from broker.net.deny import is_denied
from broker.net.target import Target, locate, split_authority

_LONGEST_URL = 2048
_PORTS = frozenset({80, 443})
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "arpa")

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""One answer of getaddrinfo: family, type, protocol, canonical name, socket address."""


class Guard:
    """Say no to URLs that lead inside, by what they say and by what their names resolve to.

    `allow` lists the exceptions as exact `host:port` pairs; for these the port and the address do not matter, all
    other rules do. The rules stand twice: on the URL, for an early answer, and on the very address that is
    connected to, which no second DNS answer can change.
    """

    def __init__(self, allow: Iterable[str] = (), *, ports: frozenset[int] = _PORTS) -> None:
        try:
            self._allow = frozenset(split_authority(entry) for entry in allow)
        except ValueError as error:
            raise ConfigurationError(f"egress allow-list: {error}; write host:port") from error
        self._ports = ports

    def check_url(self, url: str) -> None:
        """Return if a URL may be fetched, as far as can be told without asking for its name.

        Raises:
            MediaForbidden: it may not; the text says why.
        """
        if len(url) > _LONGEST_URL:
            raise MediaForbidden("the URL is too long")
        try:
            target = locate(url)
        except ValueError as error:
            raise MediaForbidden(str(error)) from error
        if not self.is_exempt(target):
            self._check_host(target.host)
            if target.port not in self._ports:
                raise MediaForbidden("the port is not one that may be used")

    def is_exempt(self, target: Target) -> bool:
        """Say whether the operator has allowed this host and port by name."""
        return (target.host, target.port) in self._allow

    def _check_host(self, host: str) -> None:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            labels = host.split(".")
            if len(labels) == 1 or labels[-1] in _INSIDE:
                raise MediaForbidden("the host name is one of an inside network") from None
        else:
            self.check_address(host)

    def check_address(self, address: str) -> None:
        """Return if an address is one of the open network.

        Raises:
            MediaForbidden: it is not, or is no address.
        """
        try:
            denied = is_denied(ipaddress.ip_address(address))
        except ValueError as error:
            raise MediaForbidden("the host has no usable address") from error
        if denied:
            raise MediaForbidden("the URL leads to an inside address")

    def socket_factory(self, address: AddressInfo) -> socket.socket:
        """Return a socket for the very address that is about to be connected to.

        Raises:
            MediaForbidden: it is an inside address.
        """
        family, kind, protocol, _, end = address
        if family not in {socket.AF_INET, socket.AF_INET6}:
            raise MediaForbidden("the host has no usable address")
        self.check_address(str(end[0]))
        return socket.socket(family=family, type=kind, proto=protocol)
