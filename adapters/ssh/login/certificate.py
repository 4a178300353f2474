"""Certificates with which users log in (OpenSSH's PROTOCOL.certkeys), and the authorities that sign them."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from asyncssh.packet import PacketDecodeError, SSHPacket, String
from asyncssh.public_key import CERT_TYPE_USER, SSHOpenSSHCertificate, decode_ssh_certificate

from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.ssh_keys import SshKey, fingerprint

MAX_FILE_BYTES = 1 << 20


class CertificateRefused(HoopaddonError):
    """A certificate that lets nobody in; the text is for the operator's log and quotes nothing secret."""


@dataclass(frozen=True, slots=True)
class Authorities:
    """The keys whose signature on a certificate is believed."""

    keys: frozenset[SshKey]

    @classmethod
    def load(cls, path: str | Path) -> "Authorities":
        """One public key per line, as `sshd` has them in TrustedUserCAKeys. Raises `ConfigError`."""
        file = Path(path).expanduser()
        try:
            with file.open(encoding="utf-8") as stream:
                text = stream.read(MAX_FILE_BYTES)
        except OSError as e:
            raise ConfigError(f"cannot read it: {e.strerror}", file=str(file), key="client_ca") from None
        except UnicodeDecodeError:
            raise ConfigError("is not a list of public keys", file=str(file), key="client_ca") from None
        keys = set()
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            try:
                keys.add(SshKey.parse(line))
            except ValueError as e:
                raise ConfigError(f"is {e}", file=str(file), line=number, key="client_ca") from None
        if not keys:
            raise ConfigError("names no authority", file=str(file), key="client_ca")
        return cls(frozenset(keys))


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate that is good says."""

    certificate: SSHOpenSSHCertificate
    key_id: str
    serial: int
    authority: str
    """The fingerprint of who signed it."""


def certified(
    data: bytes, username: str, address: str, authorities: Authorities | None, signatures: Collection[str]
) -> Certified:
    """The certificate, where it lets this user in from this address. Raises `CertificateRefused`.

    Its critical options hold: `source-address` is checked here, `force-command` replaces what the client asks for,
    and one that is not known refuses the certificate.
    """
    if authorities is None:
        raise CertificateRefused("certificates are not taken: the mode names no client_ca")
    try:
        found = decode_ssh_certificate(data)
    except (asyncssh.KeyImportError, PacketDecodeError, ValueError):
        # asyncssh says the same of them all.
        why = "it is damaged, its signature is wrong, or it has a critical option that is not known"
        raise CertificateRefused(f"the certificate is not valid: {why}") from None
    if not isinstance(found, SSHOpenSSHCertificate):
        raise CertificateRefused("not an OpenSSH certificate")
    authority = found.signing_key.public_data
    if all(authority != trusted.blob for trusted in authorities.keys):
        raise CertificateRefused(f"the certificate is signed by {fingerprint(authority)}, which is not trusted")
    try:
        SshKey.from_blob(found.key.public_data)
    except ValueError as e:
        raise CertificateRefused(f"the certificate is for a key that is {e}") from None
    if _signed_with(data, authority) not in signatures:
        raise CertificateRefused("the certificate is signed with an algorithm that is not taken (SHA-1)")
    # asyncssh takes a certificate without principals for one that is good for everybody; sshd does not.
    if not found.principals:
        raise CertificateRefused("the certificate names no principals")
    try:
        found.validate(CERT_TYPE_USER, username)
    except ValueError as e:
        raise CertificateRefused(f"the certificate does not let this user in: {e}") from None
    sources = found.options.get("source-address")
    if sources is not None and not _is_within(address, sources):
        raise CertificateRefused("the certificate is not good from this address")
    return Certified(found, found._key_id, found._serial, fingerprint(authority))


def _signed_with(data: bytes, authority: bytes) -> str:
    """The algorithm of the signature, which stands at the certificate's end, after the authority's key."""
    signature = data.rpartition(String(authority))[2]
    packet = SSHPacket(signature)
    return SSHPacket(packet.get_string()).get_string().decode("ascii", "replace")


def _is_within(address: str, networks: object) -> bool:
    ip = ipaddress.ip_address(address)
    mapped = getattr(ip, "ipv4_mapped", None)
    return isinstance(networks, list) and any((mapped or ip) in network for network in networks)
