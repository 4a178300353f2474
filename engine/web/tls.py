"""TLS on both sides of an exchange: the gateway's own certificate, and targets known by what their mode says."""

import ipaddress
from pathlib import Path
from typing import Any

import certifi
from mitmproxy.addons.tlsconfig import DEFAULT_HOSTFLAGS
from mitmproxy.tls import TlsData
from OpenSSL import SSL

from hoopaddon.errors import ConfigError
from hoopaddon.target import Setting
from hoopaddon.web.mode import WebTarget

SETTINGS = {
    "ca": Setting("PEM file of the authorities that vouch for the target.", "file"),
    "certificate": Setting("PEM file of the certificate that the gateway shows the target.", "file"),
    "key": Setting("PEM file of its private key.", "file"),
}
_SPOKEN = (b"h2", b"http/1.1")


def tls_files(target: WebTarget) -> dict[str, Path]:
    """The files by which the gateway and a target know each other."""
    return {
        name: Path(target.settings[name]).expanduser().resolve() for name in SETTINGS.keys() & target.settings.keys()
    }


class ClientTls:
    """How clients meet the gateway. Raises `ConfigError` for a certificate that cannot be used."""

    def __init__(self, certificate: str, key: str) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._context.set_alpn_select_callback(_choose)
        _load(self._context, certificate, key)

    def start(self, data: TlsData) -> None:
        """Give a client's connection its TLS."""
        data.ssl_conn = SSL.Connection(self._context)
        data.ssl_conn.set_accept_state()


def _choose(_connection: SSL.Connection, offered: list[bytes]) -> Any:
    return next((protocol for protocol in _SPOKEN if protocol in offered), SSL.NO_OVERLAPPING_PROTOCOLS)


def _load(context: SSL.Context, certificate: str, key: str) -> None:
    try:
        context.use_certificate_chain_file(certificate)
        context.use_privatekey_file(key)
        context.check_privatekey()
    except SSL.Error:
        raise ConfigError("is no PEM file of a certificate with a key that fits", file=certificate) from None


class TargetTls:
    """How the gateway meets a target: by the system's authorities, or by those that its mode names."""

    def __init__(self, target: WebTarget) -> None:
        settings = target.settings
        if "key" in settings and "certificate" not in settings:
            raise ConfigError("key needs certificate: the file of the gateway's certificate for this target")
        self._host = target.host
        files = [settings[name] for name in ("ca", "certificate", "key") if name in settings]
        for file in files:
            if not Path(file).expanduser().is_file():
                raise ConfigError("there is no such file", file=file)
        self._context = self._made(settings.get("ca"), settings.get("certificate"), settings.get("key"))

    @staticmethod
    def _made(ca: str | None, certificate: str | None, key: str | None) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_verify(SSL.VERIFY_PEER, None)
        if ca:
            try:
                context.load_verify_locations(str(Path(ca).expanduser()))
            except SSL.Error:
                raise ConfigError("is no PEM file of certificates", file=ca) from None
        else:
            context.load_verify_locations(certifi.where())
            context.set_default_verify_paths()
        if certificate:
            _load(context, str(Path(certificate).expanduser()), str(Path(key or certificate).expanduser()))
        return context

    def start(self, data: TlsData) -> None:
        """Give a connection to the target its TLS."""
        connection = SSL.Connection(self._context)
        parameters = SSL._lib.SSL_get0_param(connection._ssl)  # type: ignore[attr-defined]
        SSL._lib.X509_VERIFY_PARAM_set_hostflags(parameters, DEFAULT_HOSTFLAGS)  # type: ignore[attr-defined]
        try:
            address = ipaddress.ip_address(self._host).packed
        except ValueError:
            name = self._host.encode("idna")
            connection.set_tlsext_host_name(name)
            ok = SSL._lib.X509_VERIFY_PARAM_set1_host(parameters, name, len(name))  # type: ignore[attr-defined]
        else:
            ok = SSL._lib.X509_VERIFY_PARAM_set1_ip(parameters, address, len(address))  # type: ignore[attr-defined]
        if ok != 1:
            raise ConfigError(f"{self._host} is no name that a certificate could have")
        # A stream of HTTP/2 for each request only where the client has streams too.
        connection.set_alpn_protos(list(_SPOKEN if data.context.client.alpn == b"h2" else _SPOKEN[1:]))
        connection.set_connect_state()
        data.ssl_conn = connection
