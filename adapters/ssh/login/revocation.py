"""Keys and certificates that let nobody in any more: a file, read at each login so that a change counts at once.

It is a key revocation list of `ssh-keygen -k`, or text in the form from which that command makes one:

    ssh-ed25519 AAAAC3… of a laptop that was lost
    key: ssh-ed25519 AAAAC3…
    sha256: SHA256:qE2…
    serial: 7
    serial: 100-200
    id: laptop of ann

A serial or an id revokes certificates of every authority; a key revokes itself, and as an authority's all that it
has signed.
"""

import base64
import binascii
import hashlib
import os
import time
from pathlib import Path

from hoopaddon.adapters.ssh.login.krl import MAGIC, Certificates, Listed, read_krl
from hoopaddon.errors import ConfigError

MAX_FILE_BYTES = 16 << 20
_SETTLED_S = 2.0
_LAST_SERIAL = (1 << 64) - 1


class Revoked:
    """The file of what is revoked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, ...] = ()
        self._known: Revocations | None = None

    def read(self) -> "Revocations":
        """What it says now. Raises `ConfigError`: where nobody knows what is revoked, everything is."""
        file = str(self._path)
        try:
            with self._path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                version = (status.st_ino, status.st_size, status.st_mtime_ns)
                if self._known is not None and version == self._seen:
                    return self._known
                data = stream.read(MAX_FILE_BYTES + 1)
        except OSError as e:
            raise ConfigError(f"cannot read it: {e.strerror}", file=file, key="revoked") from None
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(f"longer than {MAX_FILE_BYTES} bytes", file=file, key="revoked")
        found = _parsed(data, file)
        # What has just changed may change again within one tick of the file system's clock.
        is_settled = time.time() - status.st_mtime > _SETTLED_S
        self._seen, self._known = (version, found) if is_settled else ((), None)
        return found


def _parsed(data: bytes, file: str) -> "Revocations":
    try:
        return Revocations(read_krl(data) if data.startswith(MAGIC) else _read_text(data))
    except _WrongLine as e:
        raise ConfigError(str(e), file=file, line=e.line, key="revoked") from None
    except ValueError as e:
        raise ConfigError(f"is {e}", file=file, key="revoked") from None


class Revocations:
    """What is revoked at one moment."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed

    def has_key(self, blob: bytes) -> bool:
        """Whether this public key, as it stands on the wire, is revoked."""
        listed = self._listed
        return (
            blob in listed.keys
            or hashlib.sha256(blob).digest() in listed.sha256
            # Not our choice of a hash: OpenSSH has such lists, and what they name is to be refused.
            or hashlib.sha1(blob, usedforsecurity=False).digest() in listed.sha1
        )

    def has_certificate(self, key: bytes, authority: bytes, serial: int, key_id: str) -> bool:
        """Whether a certificate for this key is revoked, by its key, its authority, its serial or its id."""
        if self.has_key(key) or self.has_key(authority):
            return True
        return any(some.has(authority, serial, key_id) for some in self._listed.certificates)


class _WrongLine(ValueError):
    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


def _read_text(data: bytes) -> Listed:
    listed = Listed()
    certificates = Certificates()
    listed.certificates.append(certificates)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise ValueError("neither text nor a key revocation list") from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                _read_line(line.strip(), listed, certificates)
            except ValueError as e:
                raise _WrongLine(number, str(e)) from None
    return listed


def _read_line(line: str, listed: Listed, certificates: Certificates) -> None:
    kind, colon, value = line.partition(":")
    kind, value = kind.lower(), value.strip()
    if not colon or " " in kind:
        listed.keys.add(_key(line))
    elif kind == "key":
        listed.keys.add(_key(value))
    elif kind == "sha256":
        listed.sha256.add(_digest(value))
    elif kind == "serial":
        certificates.serials.append(_serials(value))
    elif kind == "id" and value:
        certificates.key_ids.add(value)
    else:
        raise ValueError("neither a public key (TYPE BASE64) nor one of key:, sha256:, serial: and id:")


def _key(line: str) -> bytes:
    """The key of `TYPE BASE64 [COMMENT]`, of any type: also of one that nobody takes any more."""
    kind, data = [*line.split(maxsplit=2), "", ""][:2]
    if "-cert-v0" in kind:
        raise ValueError("a certificate; revoke it by its serial or its id")
    try:
        blob = base64.b64decode(data, validate=True)
    except binascii.Error:
        blob = b""
    if not blob.startswith(len(kind).to_bytes(4) + kind.encode() + b"\0"):
        raise ValueError("neither a public key (TYPE BASE64) nor one of key:, sha256:, serial: and id:")
    return blob


def _digest(text: str) -> bytes:
    try:
        digest = base64.b64decode(f"{text.removeprefix('SHA256:')}=", validate=True)
    except binascii.Error:
        digest = b""
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("not a fingerprint as ssh-keygen -l prints it: SHA256:…")
    return digest


def _serials(text: str) -> tuple[int, int]:
    first, dash, last = (part.strip() for part in text.partition("-"))
    found = [first, last] if dash else [first, first]
    if not all(part.isascii() and part.isdigit() and len(part) <= 20 for part in found):
        raise ValueError("not a serial, or two with - between them")
    low, high = (int(part) for part in found)
    if not 0 < low <= high <= _LAST_SERIAL:
        raise ValueError("serials go from 1 to 18446744073709551615, the lower one first")
    return low, high
