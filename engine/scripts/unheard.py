"""What a script written for mitmproxy brings along that nothing here will ever call or show."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from mitmproxy import hooks as mitmproxy_hooks
from mitmproxy.proxy.mode_specs import (
    DnsMode,
    LocalMode,
    ProxyMode,
    RegularMode,
    ReverseMode,
    Socks5Mode,
    TransparentMode,
    TunMode,
    UpstreamMode,
    WireGuardMode,
)

from hoopaddon.policy.policies import Policy
from hoopaddon.scripts.imports import ScriptImports

if TYPE_CHECKING:
    from hoopaddon.options import Options

type _Heard = Callable[[ProxyMode, "Options"], bool]

_CAPTURE = (LocalMode, WireGuardMode, TunMode)
"""Modes through which whatever a machine sends may come."""
_TUNNELS = (RegularMode, UpstreamMode, Socks5Mode, TransparentMode)
_MITMPROXYS = (*_CAPTURE, *_TUNNELS, ReverseMode, DnsMode)


def _is_reverse(mode: ProxyMode, *schemes: str) -> bool:
    return isinstance(mode, ReverseMode) and mode.scheme in schemes


def _passes_tcp(mode: ProxyMode, options: "Options") -> bool:
    passes = options.rawtcp or options.tcp_hosts
    return _is_reverse(mode, "tcp", "tls") or (bool(passes) and isinstance(mode, (*_CAPTURE, *_TUNNELS, ReverseMode)))


def _passes_udp(mode: ProxyMode, _options: "Options") -> bool:
    return _is_reverse(mode, "udp", "dtls") or isinstance(mode, _CAPTURE)


def _asks_names(mode: ProxyMode, _options: "Options") -> bool:
    return _is_reverse(mode, "dns") or isinstance(mode, (DnsMode, *_CAPTURE))


def _speaks_quic(mode: ProxyMode, _options: "Options") -> bool:
    return _is_reverse(mode, "quic", "http3", "https") or isinstance(mode, _CAPTURE)


_HEARD: dict[str, tuple[_Heard, str]] = {
    "tcp_": (_passes_tcp, "no mode passes on TCP that is not read (a proxy's modes do with --set rawtcp)"),
    "udp_": (_passes_udp, "no mode passes on UDP (reverse:udp://… does)"),
    "dns_": (_asks_names, "no mode answers DNS (dns@PORT does)"),
    "quic_": (_speaks_quic, "no mode speaks QUIC (reverse:http3://… does)"),
    "socks5_": (lambda mode, _: isinstance(mode, Socks5Mode), "no mode speaks SOCKS (socks5@PORT does)"),
    "http_connect": (
        lambda mode, _: isinstance(mode, RegularMode | UpstreamMode | Socks5Mode),
        "no mode is a forward proxy (regular@PORT is)",
    ),
    "next_layer": (lambda mode, _: isinstance(mode, _MITMPROXYS), "only mitmproxy's own modes choose layers"),
}
"""By how the hook's name begins: which modes call it, and what to say where none does."""


def unheard(policies: Iterable[Policy], options: "Options") -> Iterator[str]:
    """A sentence for each hook of mitmproxy's that none of the modes calls."""
    modes = [ProxyMode.parse(spec) for spec in options.mode]
    if not modes:
        return
    deaf = {prefix: why for prefix, (heard, why) in _HEARD.items() if not any(heard(mode, options) for mode in modes)}
    for policy in policies:
        for prefix, why in deaf.items():
            names = sorted(n for n in mitmproxy_hooks.all_hooks if n.startswith(prefix) and policy.hook(n))
            if names:
                yield f"{policy.name}: {', '.join(names)} will never be called: {why}"


def unshown(imports: ScriptImports) -> Iterator[str]:
    """A sentence about the content views that came with a script."""
    contentviews = sys.modules.get("mitmproxy.contentviews")
    if contentviews is None:
        return
    known = contentviews.registry.items()
    brought = [name for name, view in known if imports.owns(type(getattr(view, "contentview", view)).__module__)]
    if brought:
        yield f"{imports.script.name}: {', '.join(brought)} is a content view, and nothing here shows one"
