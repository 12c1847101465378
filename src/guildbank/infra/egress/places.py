"""Judge where an address of the network lies: outside, inside, or where nobody's provider is."""

import ipaddress
from enum import StrEnum

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All other addresses of IPv6 wrap one of IPv4, stay in a network or are reserved."""
_6TO4 = ipaddress.ip_network("2002::/16")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""Hosts without IPv4 reach it by these (RFC 6052), so what is wrapped decides."""
_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "::1/128",
        "fc00::/7",
    )
)
_METADATA = ipaddress.ip_address("fd00:ec2::254")
"""AWS hands out credentials here, in the middle of a private range."""


class Reach(StrEnum):
    """Where an address lies."""

    PUBLIC = "public"
    INSIDE = "inside"
    """Loopback and private networks: only where the deployment allows."""
    NEVER = "never"
    """Link-local with its metadata servers, multicast, reserved: nobody's provider."""


def reach_of(address: Address) -> Reach:
    """Return where an address lies; one of NAT64 lies where the IPv4 address in it lies."""
    if address in _NAT64:
        return reach_of(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address == _METADATA:
        return Reach.NEVER
    if any(address in network for network in _INSIDE):
        return Reach.INSIDE
    if not address.is_global or address.is_multicast or address.is_reserved:
        return Reach.NEVER
    if address.version == 6 and (address not in _GLOBAL_UNICAST or address in _6TO4):
        return Reach.NEVER
    return Reach.PUBLIC
