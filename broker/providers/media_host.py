"""Which links of a carrier may be fetched with our credentials."""

import re
from collections.abc import Sequence
from urllib.parse import quote, urlsplit

from broker.domain.wire import Request
from broker.errors import MediaForbidden

# Matched by hand and whole: parsers disagree about userinfo, backslashes and control characters.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9.\-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_AS_IS = "/?%:@!$&'()*+,;=~-._[]"
_LONGEST = 4096
_DEFAULT_PORT = {"https": 443, "http": 80}
_LOOPBACK = re.compile(r"127(?:\.[0-9]{1,3}){3}|\[::1\]|localhost")


def media_request(url: str, *, hosts: Sequence[str], base_url: str) -> Request:
    """Return the GET for a carrier's media link, with credentials.

    `hosts` are the connection's own, `host` or `host:port`; when there are none, the host of `base_url` is. The link
    must be https, except to a loopback host listed with its port, and to where `base_url` itself speaks http.

    Raises:
        MediaForbidden: the link leads elsewhere.
    """
    if len(url) > _LONGEST or _CONTROL.search(url):
        raise MediaForbidden("the link is not a URL")
    found = _URL.fullmatch(url)
    if found is None:
        raise MediaForbidden("the link is not a plain http or https URL")
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"] or _DEFAULT_PORT[scheme])
    base = urlsplit(base_url)
    listed = {_origin(entry) for entry in hosts} or {_origin(base.netloc, base.scheme)}
    if (host, port) not in listed:
        raise MediaForbidden("the link leads to a host that is not the carrier's")
    if scheme == "http" and not _may_be_plain(host, port, hosts=hosts, base_url=base_url):
        raise MediaForbidden("the link would show our credentials to everybody on the way")
    rest = quote(found["rest"] or "/", safe=_AS_IS)
    named = host if port == _DEFAULT_PORT[scheme] else f"{host}:{port}"
    return Request(method="GET", url=f"{scheme}://{named}{rest}", headers={"Accept": "*/*"}, credentials=True)


def _origin(entry: str, scheme: str = "https") -> tuple[str, int]:
    """Return host and port of a `host` or `host:port` entry."""
    host, colon, port = entry.strip().lower().rpartition(":")
    if colon and port.isascii() and port.isdigit():
        return host, int(port)
    return entry.strip().lower(), _DEFAULT_PORT[scheme]


def _may_be_plain(host: str, port: int, *, hosts: Sequence[str], base_url: str) -> bool:
    """Say whether http will do: it stays on this machine, or the connection speaks http to that very place anyway."""
    base = urlsplit(base_url)
    if base.scheme == "http" and _origin(base.netloc, "http") == (host, port):
        return True
    return _LOOPBACK.fullmatch(host) is not None and f"{host}:{port}" in {
        entry.strip().lower() for entry in hosts
    }
