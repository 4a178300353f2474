"""Where a forward proxy may lead: to the outside, not to what only the gateway can reach.

A name is looked up before a connection is opened, and the address that was then reached is looked at before a byte is
sent: a name that resolves to another address the second time gains nothing (DNS rebinding).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress

from mitmproxy import ctx, exceptions
from mitmproxy.proxy.mode_specs import (
    LocalMode,
    ProxyMode,
    RegularMode,
    Socks5Mode,
    TransparentMode,
    TunMode,
    UpstreamMode,
    WireGuardMode,
)

from hoopaddon.errors import Refused

FORWARD_MODES = (RegularMode, TransparentMode, Socks5Mode, LocalMode, TunMode, WireGuardMode)
"""mitmproxy's modes in which the client says where it wants to go, and the gateway leads there."""

type IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Addresses of IPv4 as "IPv4-compatible" ones (RFC 4291 section 2.5.5.1), and as those of SIIT (RFC 2765 section 2.1).
_HOLD_IPV4 = tuple(
    ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "::ffff:0:0:0/96")
)
_ISATAP = frozenset({bytes.fromhex("00005efe"), bytes.fromhex("02005efe")})
_SIXTO4 = ipaddress.ip_network("2002::/16")
# Segments of networks (RFC 9602) and documentation (RFC 9637), which older Pythons take for the outside.
_NOT_OUTSIDE = tuple(ipaddress.ip_network(text) for text in ("5f00::/16", "3fff::/20"))
# Addresses that clouds have given their metadata services, though they look like the outside's.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
# For documentation, so nobody has them (RFC 5737, RFC 3849).
_NOBODYS = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
_ANY_PORT = 9


class Egress:
    """The addon with the option, and the checks that go by it."""

    def __init__(self) -> None:
        self._networks: tuple[Network, ...] = ()
        self._names: frozenset[str] = frozenset()

    def configure(self, updated: set[str]) -> None:
        if "forward_allow" in updated:
            self._networks, self._names = _read(ctx.options.forward_allow)

    async def check_wanted(self, mode: ProxyMode, address: tuple[str, int]) -> None:
        """Where a client says that it goes, be it by way of another proxy. Raises `Refused`."""
        if isinstance(mode, (*FORWARD_MODES, UpstreamMode)):
            await self._check_host(*address)

    async def check_name(self, mode: ProxyMode, address: tuple[str, int]) -> None:
        """Before a connection is opened. Raises `Refused`."""
        if _is_the_clients(mode, address):
            await self._check_host(*address)

    async def _check_host(self, name: str, port: int) -> None:
        host = name.rstrip(".").lower()
        if host in self._names:
            return
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            # There will be no connection either, but by a proxy that knows more names: it is the one to say no then.
            return
        except ValueError:
            raise Refused("this is no name of a host") from None
        for *_, reached in found:
            self._check(str(reached[0]))

    def check_reached(self, mode: ProxyMode, address: tuple[str, int] | None, peer: tuple[str, int] | None) -> None:
        """Once a connection is there, before a byte is sent. Raises `Refused`."""
        host = address[0].rstrip(".").lower() if address else ""
        if _is_the_clients(mode, address) and host not in self._names:
            self._check(peer[0] if peer else "")

    def _check(self, text: str) -> None:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            raise Refused("the address of this host is not known") from None
        if any(address in network for network in self._networks):
            return
        if not all(_is_outside(inner) for inner in _meant(address)):
            raise Refused("this host is not on the outside; forward_allow lists those that may be reached anyway")


def _is_the_clients(mode: ProxyMode, address: tuple[str, int] | None) -> bool:
    """Whether a client has chosen where this connection leads: all of them but those to the operator's own proxy."""
    return isinstance(mode, FORWARD_MODES) or (isinstance(mode, UpstreamMode) and address != mode.address)


def _is_outside(address: IpAddress) -> bool:
    if not address.is_global or address.is_multicast or address in _METADATA:
        return False
    if any(address in network for network in _NOT_OUTSIDE):
        return False
    # `fec0::/10` (RFC 3879): some networks still have it.
    return not (isinstance(address, ipaddress.IPv6Address) and address.is_site_local) and not is_own(address)


def is_own(address: IpAddress) -> bool:
    """Whether it is one of this machine's: what listens there may trust whoever comes from here."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    # Unless the kernel lets anybody bind to any address, as routers do, only one's own can be bound to.
    if not _binds(family, _NOBODYS[family]):
        return _binds(family, str(address))
    with socket.socket(family, socket.SOCK_DGRAM) as probe, suppress(OSError):
        # Nothing is sent by this. What goes to one's own address comes from it.
        probe.connect((str(address), _ANY_PORT))
        return ipaddress.ip_address(probe.getsockname()[0]) == address
    return False


def _binds(family: socket.AddressFamily, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _meant(address: IpAddress) -> Iterable[IpAddress]:
    """The address, and an IPv4 address that it holds."""
    yield address
    if not isinstance(address, ipaddress.IPv6Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if any(address in network for network in _HOLD_IPV4) or address.packed[8:12] in _ISATAP:
        yield ipaddress.IPv4Address(address.packed[-4:])
    if address in _SIXTO4 and address.sixtofour is not None:
        yield address.sixtofour


def _read(entries: Iterable[str]) -> tuple[tuple[Network, ...], frozenset[str]]:
    networks: list[Network] = []
    names: set[str] = set()
    for entry in entries:
        try:
            networks.append(ipaddress.ip_network(entry.strip(), strict=False))
        except ValueError:
            if not entry.strip() or "/" in entry or "*" in entry:
                raise exceptions.OptionsError(
                    f"forward_allow: {entry!r} is no host name, address or network, such as 10.1.0.0/16"
                ) from None
            names.add(entry.strip().rstrip(".").lower())
    return tuple(networks), frozenset(names)
