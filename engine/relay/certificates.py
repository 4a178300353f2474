"""The gateway's own certificate: the operator's, or one that mitmproxy's certificate store makes and keeps."""

import ipaddress
import ssl
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from mitmproxy.certs import CertStore

from hoopaddon.errors import ConfigError
from hoopaddon.relay.tls import client_context

STORE_NAME = "hoopaddon"
KEY_BITS = 2048


def gateway_context(options: Any, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """How clients meet the gateway. Raises `ConfigError` for a certificate that cannot be used."""
    certificate, key = certificate_files(options)
    try:
        return client_context(certificate, key, alpn=alpn)
    except (OSError, ssl.SSLError) as e:
        raise ConfigError(
            f"{certificate} is no certificate with a key that fits: {e.strerror or e.args[-1]}",
            key="tls_certificate",
            hint="name a PEM file with --set tls_certificate=… and its key with --set tls_key=…",
        ) from None


def certificate_files(options: Any) -> tuple[str, str]:
    """The files of the certificate and its private key; what the operator names none of is made and kept."""
    if options.tls_certificate:
        return options.tls_certificate, options.tls_key or options.tls_certificate
    made = str(_made(options.confdir_path))
    return made, made


def _made(confdir: Path) -> Path:
    """A PEM file with key and certificate, made by the store's authority on first use."""
    path = confdir / f"{STORE_NAME}-gateway.pem"
    if path.exists():
        return path
    confdir.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = CertStore.from_store(confdir, STORE_NAME, KEY_BITS)
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    entry = store.get_cert("localhost", names)
    pem = entry.cert.to_pem()
    partial = path.with_suffix(".partial")
    partial.touch(mode=0o600)
    partial.write_bytes(_private_pem(entry.privatekey) + pem)
    partial.replace(path)
    return path


def _private_pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem
