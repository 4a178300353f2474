"""The listening socket: TLS, ALPN, client certificates."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.kubernetes.double.web.http1 import Http1
from tests.kubernetes.double.web.http2 import Http2
from tests.kubernetes.double.web.message import Certificate, Handler


def server_context(cert_file: Path, key_file: Path, client_ca: Path) -> ssl.SSLContext:
    """TLS as kube-apiserver has it: a client's certificate is asked for, and not insisted on."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert_file, key_file)
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def listen(host: str, port: int, tls: ssl.SSLContext, handler: Handler) -> asyncio.Server:
    """Serve until the server that is returned is closed."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session: Any = writer.get_extra_info("ssl_object")
        version = Http2 if session.selected_alpn_protocol() == "h2" else Http1
        with suppress(ConnectionError, ssl.SSLError, TimeoutError):
            try:
                await version(reader, writer, handler, _certificate(session.getpeercert())).serve()
            finally:
                writer.close()

    return await asyncio.start_server(connected, host, port, ssl=tls, limit=1 << 20)


def _certificate(peer: dict[str, Any] | None) -> Certificate | None:
    if not peer:
        return None
    subject = [pair for part in peer["subject"] for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    return Certificate(names[0] if names else "", tuple(v for key, v in subject if key == "organizationName"))
