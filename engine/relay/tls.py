"""TLS without a socket, so that it can begin in the middle of a stream, on either side."""

import contextlib
import hashlib
import ssl
from typing import Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

type SslMode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
SSL_MODES: tuple[str, ...] = ("disable", "prefer", "require", "verify-ca", "verify-full")

_READ_BYTES = 256 * 1024


class TlsStream:
    """One TLS session over two memory buffers; who owns the socket moves the bytes.

    Errors of the TLS library come out as `ssl.SSLError`.
    """

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_hostname: str | None = None) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
        )
        self.established = False
        self.ended = False

    def receive(self, ciphertext: bytes) -> bytes:
        """The plaintext that the peer's bytes complete; empty while the handshake goes on."""
        self._incoming.write(ciphertext)
        if not self.established and not self.handshake():
            return b""
        plaintext = []
        while True:
            try:
                data = self._object.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            if not data:
                self.ended = True
                break
            plaintext.append(data)
        return b"".join(plaintext)

    def handshake(self) -> bool:
        """Advance the handshake as far as the bytes at hand allow; True once it is complete."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        return True

    def send(self, plaintext: bytes) -> bytes:
        """The ciphertext for this plaintext, and whatever else has to go out."""
        self._object.write(plaintext)
        return self._outgoing.read()

    def outgoing(self) -> bytes:
        """Bytes of the protocol's own that have to go out: handshake, alerts, key updates."""
        return self._outgoing.read()

    def close(self) -> bytes:
        """The closing alert."""
        # The peer's own alert has not come yet, and nobody waits for it.
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        return self._outgoing.read()

    @property
    def alpn(self) -> str | None:
        return self._object.selected_alpn_protocol()

    @property
    def server_name(self) -> str:
        """The host name that a client asked for (RFC 6066 section 3), in lower case."""
        return self._object.asked_for if isinstance(self._object, _ServerSide) else ""

    @property
    def peer_certificate(self) -> bytes | None:
        """The peer's certificate in DER."""
        return self._object.getpeercert(binary_form=True)

    @property
    def server_end_point(self) -> bytes | None:
        """The channel binding `tls-server-end-point` (RFC 5929 section 4.1) of the server that we are a client of."""
        certificate = self.peer_certificate
        return end_point_binding(certificate) if certificate else None


def end_point_binding(certificate_der: bytes) -> bytes | None:
    """The certificate's hash by its own signature's algorithm, MD5 and SHA-1 replaced by SHA-256 (RFC 5929)."""
    try:
        algorithm = x509.load_der_x509_certificate(certificate_der).signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:
        return None
    name = "sha256" if algorithm.name in ("md5", "sha1") else algorithm.name
    return hashlib.new(name, certificate_der).digest()


def target_context(
    mode: str, *, root_certificate: str = "", certificate: str = "", key: str = "", alpn: tuple[str, ...] = ()
) -> ssl.SSLContext:
    """How the gateway meets a target: libpq's `sslmode`s, with the system's roots where no other is named."""
    context = ssl.create_default_context(cafile=root_certificate or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if mode in ("prefer", "require"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif mode == "verify-ca":
        context.check_hostname = False
    if certificate:
        context.load_cert_chain(certificate, key or None)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class _ServerSide(ssl.SSLObject):
    """A session with a client, and which host it asked for."""

    asked_for = ""


def _remember(session: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
    if isinstance(session, _ServerSide):
        session.asked_for = (name or "").lower()


def client_context(certificate: str, key: str, *, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """How the gateway meets its clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    context.sslobject_class = _ServerSide
    context.sni_callback = _remember
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context
