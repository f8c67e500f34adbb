"""Say where a request comes from, also behind proxies that we trust."""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

HEADER = "X-Forwarded-For"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Factory = Callable[..., web.BaseRequest]


def request_factory(trusted_proxies: Sequence[str]) -> Factory | None:
    """Return what makes aiohttp's requests, with the true address as their `remote`; None where there is no proxy.

    Everything that asks for the other end's address asks the request, so this is the only place that looks at the
    header.
    """
    if not trusted_proxies:
        return None
    trusted = [ipaddress.ip_network(text, strict=False) for text in trusted_proxies]
    loop = asyncio.get_running_loop()

    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        request = web.BaseRequest(message, payload, protocol, writer, task, loop)
        if HEADER not in message.headers:
            return request
        told = origin(request.remote or "", message.headers.getall(HEADER), trusted)
        return web.BaseRequest(message, payload, protocol, writer, task, loop, remote=told)

    return make


def origin(peer: str, lines: Sequence[str], trusted: Sequence[Network]) -> str:
    """Return the rightmost hop that is no proxy of ours; each proxy adds on the right the address it was called from.

    `lines` are the header's. A hop that is no address makes the origin unknown, which is the empty text: nobody's
    allow-list holds it. Where all hops are ours, the first one asked.
    """
    hop = _address(peer)
    if hop is None or not _is_trusted(hop, trusted):
        return peer
    for text in reversed(",".join(lines).split(",")):
        if not text.strip():
            continue
        hop = _address(text)
        if hop is None:
            return ""
        if not _is_trusted(hop, trusted):
            break
    return str(hop)


def _is_trusted(hop: Address, trusted: Sequence[Network]) -> bool:
    return any(hop in network for network in trusted)


def _address(text: str) -> Address | None:
    """Return an address as proxies write it: bare, in brackets, with a port, IPv4 as IPv6, quoted."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text, _, port = text[1:].partition("]")
        if port and not port.startswith(":"):
            return None
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
