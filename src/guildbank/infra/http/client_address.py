"""Whose request this is by address: the peer's, or what proxies say that the operator trusts.

Everybody may write X-Forwarded-For; what counts is who wrote which part of it. Each proxy appends
the address that it was called from, so the list is read from its right end, and only as long as
the address to the right is that of a trusted proxy.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

import msgspec

Ip: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

MAX_HOPS = 16
"""Proxies that are looked through; a longer chain ends at the last of them."""
MAX_FORWARDED_BYTES = 2048
"""Of X-Forwarded-For, from its right end; what stands before is of no use to anybody."""
SHARED_PREFIX = 64
"""One host, or one home, has a whole /64 of IPv6 addresses (RFC 6177, RFC 8981)."""
_LONGEST = 64
"""No address with a port, brackets and a zone is longer."""


class ClientAddress(msgspec.Struct, frozen=True):
    """Where a request comes from.

    `ip` is None for a peer without an address. `rate_key` is what limits count by: the address,
    of IPv6 its /64.
    """

    ip: Ip | None
    rate_key: str

    def __str__(self) -> str:
        return "an unknown address" if self.ip is None else str(self.ip)

    def within(self, networks: Iterable[Network]) -> bool:
        """Say whether the address lies in one of the networks; an unknown one lies in none."""
        return self.ip is not None and any(self.ip in network for network in networks)


UNKNOWN_ADDRESS = ClientAddress(None, "unknown")


class TrustedProxies:
    """The proxies whose word about the address before them is taken; none by default."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)

    def client(self, peer: str | None, forwarded: Sequence[bytes] = ()) -> ClientAddress:
        """Return whom a request comes from. Never raises.

        `forwarded` are the X-Forwarded-For lines in their order. An entry that is no address ends
        the walk at the proxy that passed it on.
        """
        found = read_address(peer or "")
        if not self._networks or not forwarded or not found.within(self._networks):
            return found
        for hop in reversed(_hops(forwarded)):
            before = read_address(hop)
            if before.ip is None:
                return found
            found = before
            if not found.within(self._networks):
                return found
        return found


@lru_cache(8192)
def read_address(text: str) -> ClientAddress:
    """Return the address in `text`, with or without a port; UNKNOWN_ADDRESS for anything else."""
    if len(text) > _LONGEST:
        return UNKNOWN_ADDRESS
    bare = text.strip()
    if bare.startswith("["):
        bare, _, rest = bare[1:].partition("]")
        if rest and not _is_port(rest):
            return UNKNOWN_ADDRESS
    elif bare.count(":") == 1:
        bare, _, port = bare.partition(":")
        if not _is_port(f":{port}"):
            return UNKNOWN_ADDRESS
    try:
        ip = ip_address(bare.partition("%")[0])
    except ValueError:
        return UNKNOWN_ADDRESS
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None:
            return ClientAddress(ip, str(IPv6Network((ip, SHARED_PREFIX), strict=False)))
        ip = ip.ipv4_mapped
    return ClientAddress(ip, str(ip))


def client_address(connection: Any) -> ClientAddress:
    """Return whom the request or connection comes from, as the edge found it."""
    found: ClientAddress = connection.scope["state"].get(CLIENT_ADDRESS, UNKNOWN_ADDRESS)
    return found


CLIENT_ADDRESS = "client_address"
"""Where the edge keeps it in the state of a connection."""


def _hops(forwarded: Sequence[bytes]) -> list[str]:
    text = b",".join(forwarded)[-MAX_FORWARDED_BYTES - 1 :].decode("latin-1")
    # The first of a list that was cut may be half an address; nobody trusts it that far left.
    hops = text.rsplit(",", MAX_HOPS)
    return hops[1:] if len(hops) > MAX_HOPS or len(text) > MAX_FORWARDED_BYTES else hops


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isdecimal() and text.isascii() and len(text) <= 6
