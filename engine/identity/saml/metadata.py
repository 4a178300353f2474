"""What an identity provider and this gateway tell each other once (SAML 2.0 Metadata), and what begins each login."""

import base64
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from lxml import etree

from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.oidc.settings import check_address
from hoopaddon.identity.saml.signed import ASSERTION, MAX_BYTES, PROTOCOL, parse

_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_SIGNATURES = "{http://www.w3.org/2000/09/xmldsig#}"
_PROTOCOL = PROTOCOL.strip("{}")
_BINDINGS = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
_KEY = "saml_metadata"


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """By what its metadata says: who it is, where browsers are sent, and the certificates that it signs by."""

    issuer: str
    sign_on: str
    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def load(cls, file: str) -> "IdentityProvider":
        """Raises `ConfigError` for a file that is no provider's metadata."""
        try:
            with Path(file).expanduser().open("rb") as stream:
                root = parse(stream.read(MAX_BYTES + 1))
        except OSError as e:
            raise ConfigError(f"cannot read it: {e.strerror}", file=file, key=_KEY) from None
        except InvalidToken as e:
            raise ConfigError(e.reason.replace("the response", "it"), file=file, key=_KEY) from None
        roles = root.findall(f"{_METADATA}IDPSSODescriptor")
        if root.tag != f"{_METADATA}EntityDescriptor" or not root.get("entityID") or len(roles) != 1:
            hint = "download the metadata of the one application that stands for this gateway at the provider"
            raise ConfigError("is no identity provider's metadata", file=file, key=_KEY, hint=hint)
        return cls(str(root.get("entityID")), _sign_on(roles[0], file), _certificates(roles[0], file))

    def address(self, request: str, relay_state: str) -> str:
        """Where the browser is sent with a request (SAML 2.0 Bindings, section 3.4.4.1)."""
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        packed = base64.b64encode(deflate.compress(request.encode()) + deflate.flush()).decode()
        joint = "&" if urlsplit(self.sign_on).query else "?"
        return f"{self.sign_on}{joint}{urlencode({'SAMLRequest': packed, 'RelayState': relay_state})}"


def _sign_on(role: Any, file: str) -> str:
    for service in role.findall(f"{_METADATA}SingleSignOnService"):
        if service.get("Binding") == f"{_BINDINGS}Redirect":
            address = str(service.get("Location", ""))
            check_address(address, key=f"{file}: SingleSignOnService")
            return address
    raise ConfigError("names no address that browsers are redirected to (HTTP-Redirect)", file=file, key=_KEY)


def _certificates(role: Any, file: str) -> tuple[x509.Certificate, ...]:
    found = []
    for key in role.findall(f"{_METADATA}KeyDescriptor"):
        if key.get("use", "signing") != "signing":
            continue
        for text in key.iter(f"{_SIGNATURES}X509Certificate"):
            try:
                found.append(x509.load_der_x509_certificate(base64.b64decode("".join((text.text or "").split()))))
            except ValueError:
                raise ConfigError("holds a certificate that is none", file=file, key=_KEY) from None
    if not found:
        raise ConfigError("holds no certificate that the provider signs by", file=file, key=_KEY)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ServiceProvider:
    """This gateway, as the provider knows it: its name, and where answers are posted to."""

    entity: str
    acs: str

    def request(self, id: str, destination: str) -> str:
        """The AuthnRequest of this id (SAML 2.0 Core, section 3.4.1)."""
        element = etree.Element(
            f"{PROTOCOL}AuthnRequest",
            {
                "ID": id,
                "Version": "2.0",
                "IssueInstant": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "Destination": destination,
                "AssertionConsumerServiceURL": self.acs,
                "ProtocolBinding": f"{_BINDINGS}POST",
            },
            nsmap={"samlp": _PROTOCOL, "saml": ASSERTION.strip("{}")},
        )
        etree.SubElement(element, f"{ASSERTION}Issuer").text = self.entity
        etree.SubElement(element, f"{PROTOCOL}NameIDPolicy", {"AllowCreate": "true"})
        return str(etree.tostring(element, encoding="unicode"))

    @property
    def metadata(self) -> bytes:
        """What the provider is given (SAML 2.0 Metadata, section 2.4.4)."""
        root = etree.Element(
            f"{_METADATA}EntityDescriptor", {"entityID": self.entity}, nsmap={"md": _METADATA.strip("{}")}
        )
        said = {"AuthnRequestsSigned": "false", "WantAssertionsSigned": "true"}
        role = etree.SubElement(
            root, f"{_METADATA}SPSSODescriptor", {**said, "protocolSupportEnumeration": _PROTOCOL}
        )
        place = {"Binding": f"{_BINDINGS}POST", "Location": self.acs, "index": "1"}
        etree.SubElement(role, f"{_METADATA}AssertionConsumerService", place)
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
