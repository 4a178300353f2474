"""The gateway's own Ed25519 key: it signs the end of every session file, and the gateway's tokens.

`signing.key` (PKCS #8, PEM) stays with the gateway. `signing.pub` beside it is for whoever checks what was
signed; it may hold several keys one after another, so that files signed before a change of key still verify.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hoopaddon.errors import ConfigError

KEY_NAME = "signing.key"
PUBLIC_NAME = "signing.pub"

_LIMIT_BYTES = 64 * 1024
_PEM_END = b"-----END PUBLIC KEY-----"


class SigningKey:
    """A private key and its public half; `key_id` names the pair in files and tokens."""

    __slots__ = ("_fingerprint_key", "key_id", "private", "public_bytes")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        self.public_bytes = _raw(private.public_key())
        self.key_id = key_id(self.public_bytes)
        seed = private.private_bytes_raw()
        self._fingerprint_key = hmac.digest(seed, b"hoopaddon fingerprint v1", hashlib.sha256)

    @classmethod
    def generate(cls) -> "SigningKey":
        """A key that is kept nowhere."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, confdir: str | Path) -> "SigningKey":
        """The key in `confdir`. Raises `ConfigError` where there is none, or where others could read it."""
        path = Path(confdir).expanduser() / KEY_NAME
        try:
            pem = _read_private(path)
        except FileNotFoundError:
            hint = "start the gateway once, or name its folder with --confdir"
            raise ConfigError("there is no signing key", file=str(path), hint=hint) from None
        try:
            private = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigError("is not a private key in PEM", file=str(path)) from None
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigError("is not an Ed25519 key", file=str(path))
        return cls(private)

    @classmethod
    def load_or_create(cls, confdir: str | Path) -> "SigningKey":
        """The key in `confdir`, made there on first use; of several processes doing so one wins."""
        folder = Path(confdir).expanduser()
        path = folder / KEY_NAME
        if not os.path.lexists(path):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                _create(path, _private_pem(Ed25519PrivateKey.generate()), 0o600)
            except OSError as e:
                hint = "make the folder writable, or choose another with --set confdir=DIR"
                raise ConfigError(f"cannot create it: {e.strerror}", file=str(path), hint=hint) from None
        key = cls.load(folder)
        # Whoever cannot write here can still sign; only the copy for auditors is missing then.
        with contextlib.suppress(OSError):
            _create(folder / PUBLIC_NAME, key.public_pem, 0o644)
        return key

    @property
    def public_pem(self) -> bytes:
        """The public half as `signing.pub` holds it."""
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def public_keys(self) -> "PublicKeys":
        return PublicKeys({self.key_id: self.private.public_key()})

    def sign(self, message: bytes) -> bytes:
        """A 64-byte Ed25519 signature."""
        return self.private.sign(message)

    def fingerprint(self, message: bytes) -> str:
        """A keyed hash: the holder of the key can show that `message` was meant, and nobody else can guess it."""
        return hmac.digest(self._fingerprint_key, message, hashlib.sha256).hex()


class PublicKeys:
    """The keys whose signatures are believed, by their id."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def load(cls, path: str | Path) -> "PublicKeys":
        """The public keys of a PEM file. Raises `ConfigError`."""
        path = Path(path).expanduser()
        try:
            with path.open("rb") as file:
                pem = file.read(_LIMIT_BYTES)
        except OSError as e:
            raise ConfigError(f"cannot read the public keys: {e.strerror}", file=str(path)) from None
        keys = {}
        for block in pem.split(_PEM_END)[:-1]:
            try:
                key = serialization.load_pem_public_key(block + _PEM_END + b"\n")
            except (ValueError, UnsupportedAlgorithm):
                raise ConfigError("is not a list of public keys in PEM", file=str(path)) from None
            if not isinstance(key, Ed25519PublicKey):
                raise ConfigError("holds a key that is not Ed25519", file=str(path))
            keys[key_id(_raw(key))] = key
        if not keys:
            raise ConfigError("holds no public key", file=str(path))
        return cls(keys)

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def verify(self, name: str, signature: bytes, message: bytes) -> bool:
        """Whether the key of this id signed the message."""
        key = self._keys.get(name)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


def key_id(public_bytes: bytes) -> str:
    """The name of a key: the first 16 hexadecimal digits of the SHA-256 of its 32 raw public bytes."""
    return hashlib.sha256(public_bytes).hexdigest()[:16]


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _private_pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_private(path: Path) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as e:
        # ELOOP is what O_NOFOLLOW says of a symbolic link.
        raise ConfigError(f"cannot open the signing key: {e.strerror}", file=str(path)) from None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError("is not a regular file", file=str(path))
        if status.st_uid != os.geteuid():
            raise ConfigError("belongs to another user", file=str(path), hint=f"chown it to uid {os.geteuid()}")
        if status.st_mode & 0o077:
            raise ConfigError("can be read by others", file=str(path), hint=f"chmod 600 {path}")
        return os.read(fd, _LIMIT_BYTES)
    finally:
        os.close(fd)


def _create(path: Path, content: bytes, mode: int) -> None:
    """Create the file whole, or leave the one that is there."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces a file that another process made meanwhile.
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        os.unlink(aside)
