"""Addresses that no URL from outside may reach."""

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

# Written out, because the interpreter's own idea of "global" has been wrong and still differs between versions.
_DENIED_4 = [
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 answers with a cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's host agent, in public address space
        "169.254.0.0/16",  # 169.254.169.254 and its neighbours answer with metadata and credentials
        "172.16.0.0/12",
        "192.0.0.0/24",  # 192.0.0.192 answers with a cloud's metadata
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]

# All that is routed lies in 2000::/3. Outside it are loopback, ::/96, ::ffff:0:0:0/96, both NAT64 prefixes
# (64:ff9b::/96, 64:ff9b:1::/48), unique local (with the metadata addresses fd00:ec2::254 and fd20:ce::254), link-local
# and site-local.
_ROUTED_6 = ipaddress.IPv6Network("2000::/3")
_DENIED_6 = [
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address of anybody's choice inside
        "3ffe::/16",
        "3fff::/20",
    )
]
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)


def is_denied(address: IPAddress) -> bool:
    """Say whether an address is private, special, or leads to such a one by an IPv4 address inside it."""
    if isinstance(address, ipaddress.IPv4Address):
        return any(address in network for network in _DENIED_4) or not address.is_global
    if address.ipv4_mapped is not None:
        return is_denied(address.ipv4_mapped)
    if address not in _ROUTED_6 or any(address in network for network in _DENIED_6):
        return True
    interface = int(address) & 0xFFFF_FFFF_FFFF_FFFF
    if interface >> 32 in _ISATAP:
        return is_denied(ipaddress.IPv4Address(interface & 0xFFFF_FFFF))
    return not address.is_global
