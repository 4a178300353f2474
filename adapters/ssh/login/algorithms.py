"""Which algorithms are spoken: those that nobody advises against, and old ones where the operator says so."""

from dataclasses import dataclass, replace
from typing import Self

RSA_SHA1 = "ssh-rsa"
REKEY_BYTES = 1 << 30
"""What the gateway sends before it asks for new keys (RFC 4253 section 9); peers may ask earlier."""
REKEY_S = 3600

_MOST_SHOWN = 300

_KEX = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
)
_CHACHA = "chacha20-poly1305@openssh.com"
# AES-GCM first: with the processor's help it is several times as fast as ChaCha20.
_CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    _CHACHA,
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
_MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
_SIGNATURES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

_OLD_KEX = (
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group1-sha1",
)
_OLD_CIPHERS = ("aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc")
_OLD_MACS = ("hmac-sha1-etm@openssh.com", "hmac-sha1")
_OLD_SIGNATURES = (RSA_SHA1,)


@dataclass(frozen=True, slots=True)
class Algorithms:
    """The algorithms of one side, best first."""

    kex: tuple[str, ...]
    ciphers: tuple[str, ...]
    macs: tuple[str, ...]
    signatures: tuple[str, ...]
    """Of host keys, of keys that log in, and of authorities on certificates."""

    @classmethod
    def allowed(cls, *, legacy: bool) -> Self:
        """The modern ones; with `legacy`, those with SHA-1 and CBC after them."""
        if not legacy:
            return cls(_KEX, _CIPHERS, _MACS, _SIGNATURES)
        return cls(_KEX + _OLD_KEX, _CIPHERS + _OLD_CIPHERS, _MACS + _OLD_MACS, _SIGNATURES + _OLD_SIGNATURES)

    @classmethod
    def for_clients(cls, *, legacy: bool) -> Self:
        """Those that clients are offered, of which each takes what comes first in its own list.

        That is ChaCha20 in OpenSSH's, which costs the gateway a multiple of AES-GCM; all that have it have AES too.
        """
        found = cls.allowed(legacy=legacy)
        return found if legacy else replace(found, ciphers=tuple(c for c in found.ciphers if c != _CHACHA))

    @property
    def host_keys(self) -> tuple[str, ...]:
        """Host keys of these kinds, certified ones first."""
        return tuple(_certified(name) for name in self.signatures) + self.signatures

    def arguments(self) -> dict[str, tuple[str, ...]]:
        """As asyncssh takes them, for either side."""
        return {
            "kex_algs": self.kex,
            "encryption_algs": self.ciphers,
            "mac_algs": self.macs,
            "signature_algs": self.signatures,
        }


def nothing_in_common(reason: str) -> str:
    """What there was no algorithm for, and what the peer offered for it, as far as asyncssh's `reason` says so."""
    said = "".join(c if c.isprintable() else "?" for c in reason)
    what, _, lists = said.partition(", sent ")
    offered = lists.rpartition(" and received ")[2]
    return what + (f"; offered were {offered[:_MOST_SHOWN]}" if offered else "")


def _certified(name: str) -> str:
    return f"{name.removesuffix('@openssh.com')}-cert-v01@openssh.com"
