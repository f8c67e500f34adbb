"""Carriers, by the name that a connection calls them."""

from collections.abc import Mapping

from broker.providers.bandwidth.provider import Bandwidth
from broker.providers.base import Provider
from broker.providers.loopback import Loopback

PROVIDERS: Mapping[str, type[Provider]] = {
    "bandwidth": Bandwidth,
    "loopback": Loopback,
}
