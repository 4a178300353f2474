"""The messages with which a connection begins (documentation, sections 54.2.1, 54.2.10, 54.7).

They have no type byte, but for those of the authentication and the cancel key that comes behind it.
"""

from dataclasses import dataclass
from typing import Self

from hoopaddon.adapters.postgres.protocol.codec import INT32, Reader, message

PROTOCOL_3_0 = 0x0003_0000
PROTOCOL_3_2 = 0x0003_0002
CANCEL_REQUEST = 80877102
SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
TLS_HANDSHAKE_BYTE = 0x16
ALPN = "postgresql"

MAX_STARTUP_BYTES = 10_000
"""MAX_STARTUP_PACKET_LENGTH of PostgreSQL's own postmaster."""
MAX_AUTHENTICATION_BYTES = 65_536


# -- the first message of a connection (section 54.2.1, 54.7)


@dataclass(frozen=True, slots=True)
class StartupMessage:
    """`version` and the parameters that the client announces, of which `user` is required."""

    version: int
    parameters: dict[str, str]

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """From what follows the length."""
        reader = Reader("client", payload)
        version = reader.int32()
        parameters: dict[str, str] = {}
        while name := reader.cstring():
            # PostgreSQL takes the bytes as they are; surrogateescape gives them back unchanged.
            parameters[name.decode("utf-8", "surrogateescape")] = reader.cstring().decode("utf-8", "surrogateescape")
        reader.end()
        return cls(version, parameters)

    def serialize(self) -> bytes:
        payload = INT32.pack(self.version)
        for name, text in self.parameters.items():
            payload += name.encode("utf-8", "surrogateescape") + b"\0"
            payload += text.encode("utf-8", "surrogateescape") + b"\0"
        return request(payload + b"\0")

    def by(self, user: str) -> Self:
        """The same by another user, for the database that the client has asked for."""
        return type(self)(self.version, {"database": self.parameters["user"], **self.parameters, "user": user})


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Sent on a connection of its own: stop what the backend with this key does."""

    process_id: int
    secret: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        reader = Reader("client", payload)
        reader.int32()
        process_id, secret = reader.int32(), reader.rest()
        if not 4 <= len(secret) <= 256:
            raise reader.fail("a cancel key of this length does not exist")
        return cls(process_id, secret)

    def serialize(self) -> bytes:
        return request(INT32.pack(CANCEL_REQUEST) + INT32.pack(self.process_id) + self.secret)


def request(payload: bytes) -> bytes:
    """A message without a type byte, as a connection begins with."""
    return INT32.pack(len(payload) + 4) + payload


@dataclass(frozen=True, slots=True)
class BackendKeyData:
    """The key for a CancelRequest: 4 bytes in protocol 3.0, up to 256 since 3.2."""

    process_id: int
    secret: bytes

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        reader = Reader("server", payload)
        process_id, secret = reader.int32(), reader.rest()
        if not 4 <= len(secret) <= 256:
            raise reader.fail("a cancel key of this length does not exist")
        return cls(process_id, secret)

    def serialize(self) -> bytes:
        return message(b"K", INT32.pack(self.process_id) + self.secret)


# -- authentication (section 54.2.1): the code of an AuthenticationXXX message


class Authentication:
    """Codes of the message `R`."""

    OK = 0
    CLEARTEXT = 3
    MD5 = 5
    SASL = 10
    SASL_CONTINUE = 11
    SASL_FINAL = 12


def authentication(code: int, data: bytes = b"") -> bytes:
    return message(b"R", INT32.pack(code) + data)


def sasl_mechanisms(data: bytes) -> list[str]:
    """The mechanisms that an AuthenticationSASL offers."""
    reader = Reader("server", data)
    names = []
    while name := reader.cstring():
        names.append(name.decode("ascii", "replace"))
    reader.end()
    return names


def sasl_offer(mechanisms: list[str]) -> bytes:
    return authentication(Authentication.SASL, b"".join(name.encode() + b"\0" for name in mechanisms) + b"\0")
