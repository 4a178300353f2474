"""What a client may prove itself with: a token, a password or key of the users' file, a certificate."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType

import asyncssh
from asyncssh.public_key import SSHOpenSSHCertificate, decode_ssh_public_key

from hoopaddon.adapters.ssh.login.certificate import Authorities, CertificateRefused, certified
from hoopaddon.adapters.ssh.login.krl import Listed
from hoopaddon.adapters.ssh.login.revocation import Revocations, Revoked
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.check import TokenCheck
from hoopaddon.identity.compact import MAX_BYTES, InvalidToken, looks_like_token
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.ssh_keys import SshKey
from hoopaddon.identity.users import Users
from hoopaddon.session import User

_CERTIFICATE = b"-cert-v0"


class NotProved(HoopaddonError):
    """A proof that does not hold. The text is for the operator's log; clients get the same answer to all of them."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client is, and how that is known: `token`, `password`, `key SHA256:…` or `certificate ID …`."""

    user: User
    proof: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A public key that may log somebody in, once the client has signed with it."""

    identity: Identity
    key: asyncssh.SSHKey
    certificate: SSHOpenSSHCertificate | None = None


class ClientCheck:
    """Checks what clients of one mode prove themselves with."""

    def __init__(
        self,
        tokens: TokenCheck,
        target: str,
        *,
        users: Users | None = None,
        authorities: Authorities | None = None,
        revoked: Revoked | None = None,
        signatures: Collection[str] = (),
    ) -> None:
        self._tokens = tokens
        self._target = target
        self._users = users
        self._authorities = authorities
        self._revoked = revoked
        self._signatures = signatures
        # Who is not in the file costs as much time as who is.
        self._nobody = ScramVerifier.from_password("")

    @property
    def takes_keys(self) -> bool:
        """Whether any public key could let anybody in."""
        return self._users is not None or self._authorities is not None

    async def secret(self, username: str, secret: str) -> Identity:
        """What a client sends as its password, a token first of all. Raises `NotProved`."""
        if len(secret) > MAX_BYTES:
            raise NotProved("a password longer than any")
        if looks_like_token(secret):
            try:
                return Identity(await self._tokens.user(secret, target=self._target), "token")
            except InvalidToken as e:
                raise NotProved(f"token refused: {e.reason}") from None
        if self._users is None:
            raise NotProved("what was sent as the password is no token")
        entry = self._users.get(username)
        verifier = entry.scram_verifier if entry is not None else None
        is_right = await asyncio.to_thread((verifier or self._nobody).accepts, secret)
        if entry is None or verifier is None or not is_right:
            raise NotProved("wrong password" if verifier else "no user of this name has a password")
        return Identity(User(username, entry.groups), "password")

    def public_key(self, username: str, data: bytes, address: str) -> Offer:
        """A key or certificate as it stands on the wire. Raises `NotProved`."""
        if _CERTIFICATE in data[:64]:
            return self._certificate(username, data, address)
        entry = self._users.get(username) if self._users is not None else None
        try:
            key = SshKey.from_blob(data)
            decoded = decode_ssh_public_key(data)
        except (ValueError, asyncssh.KeyImportError) as e:
            raise NotProved(f"not a public key that is taken: {e}") from None
        if entry is None or key not in entry.ssh_keys:
            raise NotProved(f"the key {key.fingerprint} is not listed for this user")
        if self._revocations().has_key(data):
            raise NotProved(f"the key {key.fingerprint} is revoked")
        decoded.set_touch_required(True)
        return Offer(Identity(User(username, entry.groups), f"key {key.fingerprint}"), decoded)

    def _certificate(self, username: str, data: bytes, address: str) -> Offer:
        try:
            found = certified(data, username, address, self._authorities, self._signatures)
        except CertificateRefused as e:
            raise NotProved(str(e)) from None
        entry = self._users.get(username) if self._users is not None else None
        groups = entry.groups if entry is not None else frozenset()
        claims = MappingProxyType({"key_id": found.key_id, "serial": found.serial, "authority": found.authority})
        name = found.key_id if found.key_id.isprintable() else "unprintable"
        of, by = found.certificate.key.public_data, found.certificate.signing_key.public_data
        if self._revocations().has_certificate(of, by, found.serial, found.key_id):
            raise NotProved(f"the certificate {name!r} (serial {found.serial}) of {found.authority} is revoked")
        proof = f"certificate {name!r} (serial {found.serial}) of {found.authority}"
        found.certificate.key.set_touch_required(True)
        return Offer(Identity(User(username, groups, claims), proof), found.certificate.key, found.certificate)

    def _revocations(self) -> Revocations:
        """What is revoked at this moment. Raises `NotProved` where that cannot be known."""
        if self._revoked is None:
            return Revocations(Listed())
        try:
            return self._revoked.read()
        except ConfigError as e:
            raise NotProved(f"no key lets anybody in: {e}") from None

    def signed(self, offer: Offer, message: bytes, signature: bytes) -> bool:
        """Whether the holder of the offered key signed this message, with an algorithm that is taken."""
        return _algorithm(signature) in self._signatures and offer.key.verify(message, signature)


def _algorithm(signature: bytes) -> str:
    """The name that a signature begins with (RFC 4253 section 6.6)."""
    length = int.from_bytes(signature[:4])
    return signature[4 : 4 + length].decode("ascii", "replace") if 0 < length <= 64 else ""
