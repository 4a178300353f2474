"""How a connection begins: encryption, the startup message, or a cancel request (sections 54.2.1, 54.2.10)."""

import ssl

from hoopaddon.adapters.postgres.mode import PostgresTarget
from hoopaddon.adapters.postgres.protocol import codec, login
from hoopaddon.adapters.postgres.protocol.login import CancelRequest, StartupMessage
from hoopaddon.errors import HoopaddonError, PeerError
from hoopaddon.relay.channel import Channel, connect
from hoopaddon.relay.tls import target_context

_MAX_REQUESTS = 4
"""SSLRequest and GSSENCRequest may each come once; more is somebody playing."""


class LoginFailed(HoopaddonError):
    """The client does not get in; `message` is for its eyes, and a log line may say more in `why`."""

    def __init__(self, code: str, message: str, *, why: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.why = why or message


async def read_message(channel: Channel, limit_bytes: int = login.MAX_AUTHENTICATION_BYTES) -> bytes:
    """The next whole message, type byte and length included."""
    head = await channel.read_exactly(5)
    length: int = codec.INT32.unpack_from(head, 1)[0]
    if not 4 <= length <= limit_bytes:
        raise PeerError(channel.side, "a message of an impossible length", limit=limit_bytes)
    return head + await channel.read_exactly(length - 4)


async def open_client(client: Channel, tls: ssl.SSLContext | None) -> StartupMessage | CancelRequest:
    """What the client wants, with TLS begun where it asks for it and `tls` allows it.

    TLS begins by SSLRequest or directly (ALPN `postgresql`). Raises `PeerError` for anything else, and for bytes
    that came ahead of the encryption they belong behind (CVE-2021-23214).
    """
    if await client.peek() == login.TLS_HANDSHAKE_BYTE:
        if tls is None:
            raise PeerError("client", "TLS, which is off for this target")
        stream = await client.start_tls(tls, server_side=True)
        if stream.alpn != login.ALPN:
            raise PeerError("client", "direct TLS without the ALPN protocol postgresql")
    for _ in range(_MAX_REQUESTS):
        length: int = codec.INT32.unpack(await client.read_exactly(4))[0]
        if not 8 <= length <= login.MAX_STARTUP_BYTES:
            raise PeerError("client", "no PostgreSQL startup message", limit=login.MAX_STARTUP_BYTES)
        payload = await client.read_exactly(length - 4)
        request: int = codec.INT32.unpack_from(payload)[0]
        if request == login.CANCEL_REQUEST:
            return CancelRequest.parse(payload)
        if request == login.SSL_REQUEST and client.tls is None:
            await _answer_ssl_request(client, tls)
        elif request == login.GSSENC_REQUEST and client.tls is None:
            client.write(b"N")
        elif request >> 16 == 3:
            return StartupMessage.parse(payload)
        else:
            raise PeerError("client", "a protocol version other than 3")
    raise PeerError("client", "one encryption request after the other")


async def _answer_ssl_request(client: Channel, tls: ssl.SSLContext | None) -> None:
    if tls is None:
        client.write(b"N")
        return
    if client.read_ahead:
        raise PeerError("client", "unencrypted bytes behind a request for encryption")
    client.write(b"S")
    await client.start_tls(tls, server_side=True)


async def open_target(target: PostgresTarget, timeout_s: float) -> Channel:
    """A connection to the target, encrypted as asked for. Raises `LoginFailed`, with a reason for the client."""
    try:
        server = await connect(target.host, target.port, timeout_s)
    except TimeoutError:
        raise LoginFailed("08001", f"the target {target.name} did not answer in {timeout_s:g} s") from None
    except OSError as e:
        why = f"{target.address}: {e.strerror or e}"
        raise LoginFailed("08001", f"the target {target.name} cannot be reached", why=why) from None
    try:
        await _encrypt(server, target)
    except BaseException:
        server.abort()
        raise
    return server


async def _encrypt(server: Channel, target: PostgresTarget) -> None:
    if target.sslmode == "disable":
        return
    settings = target.settings
    try:
        context = target_context(
            target.sslmode,
            root_certificate=settings.get("sslrootcert", ""),
            certificate=settings.get("sslcert", ""),
            key=settings.get("sslkey", ""),
            alpn=(login.ALPN,),
        )
    except (OSError, ssl.SSLError) as e:
        why = f"certificates for {target.name}: {e.strerror or e}"
        raise LoginFailed("08001", f"the gateway's certificates for {target.name} are unusable", why=why) from None
    server.write(login.request(codec.INT32.pack(login.SSL_REQUEST)))
    answer = await server.read_exactly(1)
    if answer == b"N" and target.sslmode == "prefer":
        return
    if answer != b"S" or server.read_ahead:
        raise LoginFailed("08001", f"the target {target.name} does not speak TLS, which sslmode asks for")
    try:
        await server.start_tls(context, server_side=False, server_hostname=target.host)
    except ssl.SSLCertVerificationError as e:
        reason = f"the certificate of {target.name} is not valid: {e.verify_message}"
        raise LoginFailed("08001", reason) from None
    except ssl.SSLError as e:
        raise LoginFailed("08001", f"TLS with {target.name} failed: {e.reason}") from None
