"""SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in PostgreSQL's spelling.

`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the last three in base64: what `pg_authid.rolpassword`
holds. Who steals a verifier cannot log in with it, though they can guess passwords against it.
"""

import base64
import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from typing import Self

from scramp import core

ITERATIONS = 4096
MAX_ITERATIONS = 10_000_000
SALT_BYTES = 16
_KEY_BYTES = 32

_FORMAT = re.compile(
    r"SCRAM-SHA-256\$(?P<iterations>[1-9][0-9]{0,7}):(?P<salt>[A-Za-z0-9+/=]{4,400})"
    r"\$(?P<stored>[A-Za-z0-9+/=]{44}):(?P<server>[A-Za-z0-9+/=]{44})"
)


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """What the gateway keeps of a password."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    @classmethod
    def from_password(cls, password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> Self:
        salt = os.urandom(SALT_BYTES) if salt is None else salt
        salted = hashlib.pbkdf2_hmac("sha256", saslprep(password), salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        return cls(iterations, salt, hashlib.sha256(client_key).digest(), server_key)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError, without quoting the text, where it is no verifier."""
        found = _FORMAT.fullmatch(text)
        if found is None:
            raise ValueError("not a SCRAM-SHA-256 verifier")
        try:
            salt, stored, server = (
                base64.b64decode(found[part], validate=True) for part in ("salt", "stored", "server")
            )
        except ValueError:
            raise ValueError("a SCRAM-SHA-256 verifier with broken base64") from None
        iterations = int(found["iterations"])
        if len(stored) != _KEY_BYTES or len(server) != _KEY_BYTES or not ITERATIONS <= iterations <= MAX_ITERATIONS:
            raise ValueError(f"a SCRAM-SHA-256 verifier with wrong sizes, or less than {ITERATIONS} iterations")
        return cls(iterations, salt, stored, server)

    def accepts(self, password: str) -> bool:
        """Whether this is the password, for a client that sends it as it is (over TLS)."""
        made = ScramVerifier.from_password(password, salt=self.salt, iterations=self.iterations)
        return hmac.compare_digest(made.stored_key, self.stored_key)

    def __str__(self) -> str:
        salt, stored, server = (
            base64.b64encode(part).decode() for part in (self.salt, self.stored_key, self.server_key)
        )
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"

    def __repr__(self) -> str:
        return "<ScramVerifier>"


def saslprep(password: str) -> bytes:
    """The password as both sides hash it (RFC 4013); as PostgreSQL does, one that SASLprep forbids stays as it is."""
    try:
        prepared = core.saslprep(password)
    except core.ScramException:
        prepared = ""
    return (prepared or password).encode()
