"""Where the doors may connect to: the public internet over HTTPS, and what the operator has allowed by name.

An address is configuration, but often somebody else's, or comes in an answer. Checking a URL's text is not enough: a
name may resolve to another address the next time it is asked (DNS rebinding), and an address has many spellings. So the
check sits where the socket is made, on the very address that the connection then uses: there is no second look-up.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

__all__ = ["Blocked", "Guard", "may_reach"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
PORT = 443
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052; the same in 64:ff9b:1::/48, which is not global
CLOSED: tuple[Network, ...] = (
    ip_network("168.63.129.16/32"),  # Azure's wire server: public by number, the platform's by use
    ip_network("192.0.0.0/24"),  # IETF protocol assignments, RFC 6890; a cloud has its metadata there
    ip_network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    ip_network("::/96"),  # IPv4-compatible, RFC 4291
    ip_network("fec0::/10"),  # site-local, RFC 3879
)


class Blocked(OSError):
    """The guard lets nobody connect there. The text names the address and the setting."""


class Guard:
    """Makes sockets only to addresses that may be reached. `allowed` networks may be reached on every port."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = tuple(ip_network(text) for text in allowed)

    def check(self, host: str, port: int) -> None:
        """Raises `Blocked` when this literal address is out of bounds."""
        if not may_reach(host, port, self._allowed):
            raise Blocked(f"{host} port {port} is not reached: only public addresses, over HTTPS on port {PORT}, are; "
                          "LEADSTREAM_EGRESS_ALLOW lists networks that may be reached besides")  # fmt: skip

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return a socket for what `getaddrinfo` has found: aiohttp's `socket_factory`. Raises `Blocked`."""
        family, kind, protocol, _, address = info
        self.check(str(address[0]), int(address[1]))
        return socket.socket(family, kind, protocol)


def may_reach(host: str, port: int, allowed: Iterable[Network] = ()) -> bool:
    """Tell whether a literal address and port may be connected to; what is no plain address may not.

    >>> may_reach("8.8.8.8", 443), may_reach("8.8.8.8", 22), may_reach("127.0.0.1", 443), may_reach("0x7f.1", 443)
    (True, False, False, False)
    >>> may_reach("10.0.0.7", 8080, [ip_network("10.0.0.0/24")])
    True
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(address)
    if any(inner in network or address in network for network in allowed):
        return True
    return port == PORT and all(_public(one) for one in {address, inner})


def _public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not any(address in network for network in CLOSED)


def _inner(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one leads to; others as they are."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
