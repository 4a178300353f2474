"""Public SSH keys as files list them: a type, the key in base64, and a comment (RFC 4253 section 6.6).

What is checked here is that a line is a key that anybody should still trust; what signs is somebody else's affair.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Self

TYPES = frozenset(
    {
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
MIN_RSA_BITS = 2048
MAX_LINE_CHARS = 16 * 1024


@dataclass(frozen=True, slots=True)
class SshKey:
    """A public key; two lines with the same key are equal whatever their comments say."""

    kind: str
    blob: bytes
    """As it stands on the wire."""

    @classmethod
    def parse(cls, line: str) -> Self:
        """The key of `TYPE BASE64 [COMMENT]`. Raises ValueError, with what is wrong in the operator's words."""
        if len(line) > MAX_LINE_CHARS:
            raise ValueError("longer than any public key")
        if "PRIVATE KEY" in line:
            raise ValueError("a private key; list the public one, from the file that ends in .pub")
        kind, _, rest = line.strip().partition(" ")
        if "-cert-v01@" in kind:
            raise ValueError("a certificate; trust the authority that signs it instead (client_ca)")
        if kind not in TYPES:
            raise ValueError(f"not TYPE BASE64 [COMMENT], where TYPE is one of {', '.join(sorted(TYPES))}")
        try:
            blob = base64.b64decode(rest.split(maxsplit=1)[0] if rest.strip() else "", validate=True)
        except binascii.Error:
            raise ValueError("not base64 after the key's type") from None
        key = cls.from_blob(blob)
        if key.kind != kind:
            raise ValueError("damaged: the key is of another type than its line says")
        return key

    @classmethod
    def from_blob(cls, blob: bytes) -> Self:
        """The key as it stands on the wire. Raises ValueError like `parse`."""
        fields = _strings(blob)
        if len(fields) < 2:
            raise ValueError("damaged: it is cut short")
        kind = fields[0].decode("ascii", "replace")
        if kind not in TYPES:
            raise ValueError("of a type that is not taken")
        if kind == "ssh-rsa" and (len(fields) != 3 or int.from_bytes(fields[2]).bit_length() < MIN_RSA_BITS):
            raise ValueError(f"an RSA key of less than {MIN_RSA_BITS} bits; make one with ssh-keygen -t ed25519")
        return cls(kind, blob)

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as ssh-keygen -l prints it."""
        return fingerprint(self.blob)


def fingerprint(blob: bytes) -> str:
    """`SHA256:…` of a key on the wire, as ssh-keygen -l prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()


def _strings(blob: bytes) -> list[bytes]:
    """The length-prefixed strings that a blob consists of; none where it is cut short (RFC 4251 section 5)."""
    found: list[bytes] = []
    at = 0
    while at < len(blob):
        end = at + 4 + int.from_bytes(blob[at : at + 4])
        if end > len(blob):
            return []
        found.append(blob[at + 4 : end])
        at = end
    return found
