"""A SAML identity provider: pysaml2 for what is right, XML by hand for what is wrong, both signed by xmlsec1."""

import base64
import subprocess
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from demo.server import HOST
from hoopaddon.identity.saml.response import SamlSettings
from tests.servers.missing import program

IDP = "https://idp.example/metadata"
SP = "https://gateway.example:8443/saml"
ACS = "https://gateway.example:8443/saml/acs"
REQUEST = "_request-1"
BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
SERVICE = (
    f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{SP}">'
    '<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
    f'<md:AssertionConsumerService Binding="{BINDING}POST" Location="{ACS}" index="1"/>'
    "</md:SPSSODescriptor></md:EntityDescriptor>"
)
GROUPS = "urn:oid:1.3.6.1.4.1.5923.1.1.1.1"
_NS = (
    'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'
    ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
)
_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"


def at(seconds: float) -> str:
    """A time so many seconds from now."""
    return datetime.fromtimestamp(time.time() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def signature(id: str, *, method: str = RSA_SHA256, digest: str = SHA256, c14n: str = _C14N) -> str:
    """A signature of the element with this ID that xmlsec1 has to fill in."""
    return (
        f'<ds:Signature><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>'
        f'<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="{id and f"#{id}"}"><ds:Transforms>'
        f'<ds:Transform Algorithm="{_ENVELOPED}"/><ds:Transform Algorithm="{c14n}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>'
        "<ds:SignatureValue/></ds:Signature>"
    )


@dataclass
class Said:
    """What a response says; each field can be another, or wrong."""

    issuer: str = IDP
    response_issuer: str = IDP
    name: str = "ada"
    groups: tuple[str, ...] = ("dev", "dba")
    audience: str = SP
    recipient: str = ACS
    destination: str = ACS
    request: str = f' InResponseTo="{REQUEST}"'
    response_request: str = f' InResponseTo="{REQUEST}"'
    method: str = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
    status: str = "urn:oasis:names:tc:SAML:2.0:status:Success"
    issued: float = 0
    begins: float = -5
    ends: float = 300
    confirmed: float | None = 300
    session: float | None = 3600
    conditions: str = ""
    more: str = ""
    id: str = "_assertion-1"
    sign: str = field(default_factory=lambda: signature("_assertion-1"))
    sign_response: str = ""

    def assertion(self) -> str:
        confirmed = "" if self.confirmed is None else f' NotOnOrAfter="{at(self.confirmed)}"'
        session = "" if self.session is None else f' SessionNotOnOrAfter="{at(self.session)}"'
        audience = self.audience and (
            f"<saml:AudienceRestriction><saml:Audience>{self.audience}</saml:Audience></saml:AudienceRestriction>"
        )
        values = "".join(f"<saml:AttributeValue>{group}</saml:AttributeValue>" for group in self.groups)
        return (
            f'<saml:Assertion ID="{self.id}" Version="2.0" IssueInstant="{at(self.issued)}">'
            f"<saml:Issuer>{self.issuer}</saml:Issuer>{self.sign}<saml:Subject><saml:NameID>{self.name}</saml:NameID>"
            f'<saml:SubjectConfirmation Method="{self.method}"><saml:SubjectConfirmationData'
            f' Recipient="{self.recipient}"{self.request}{confirmed}/></saml:SubjectConfirmation></saml:Subject>'
            f'<saml:Conditions NotBefore="{at(self.begins)}" NotOnOrAfter="{at(self.ends)}">{audience}'
            f"{self.conditions}</saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{at(self.issued)}"{session}><saml:AuthnContext/>'
            f'</saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="{GROUPS}">{values}'
            f"</saml:Attribute>{self.more}</saml:AttributeStatement></saml:Assertion>"
        )

    def response(self, inside: str | None = None) -> str:
        return (
            f'<samlp:Response {_NS} ID="_response-1" Version="2.0" IssueInstant="{at(0)}"'
            f' Destination="{self.destination}"{self.response_request}>'
            f"<saml:Issuer>{self.response_issuer}</saml:Issuer>{self.sign_response}"
            f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status>'
            f"{self.assertion() if inside is None else inside}</samlp:Response>"
        )


class SamlIdp:
    """Signs with a key of its own, whose certificate the gateway knows."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._xmlsec = program("xmlsec1")
        self.entity, self.sign_on = IDP, "https://idp.example/sso"
        self._folder = folder
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(key, hashes.SHA256())
        )
        (folder / "idp.pem").write_bytes(self.certificate.public_bytes(Encoding.PEM))
        self._key = folder / "idp.key"
        self._key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def settings(self, **changes: Any) -> SamlSettings:
        good = {"issuer": IDP, "certificates": (self.certificate,), "recipient": ACS, "audience": SP}
        return SamlSettings(**{**good, "groups_attribute": GROUPS, **changes})

    def sign(self, xml: str, *nodes: str, then: Callable[[str], str] | None = None) -> str:
        """The response with the signature of each of these IDs filled in; `then` changes it afterwards."""
        for node in nodes or ("_assertion-1",):
            source, made = self._folder / "in.xml", self._folder / "out.xml"
            source.write_text(xml)
            kinds = ("--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion")
            more = ("--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response")
            where = f"//*[@ID='{node}']/*[local-name()='Signature']"
            command: list[str | Path] = [
                self._xmlsec,
                "--sign",
                "--privkey-pem",
                self._key,
                *kinds,
                *more,
                "--node-xpath",
                where,
            ]
            done = subprocess.run([*command, "--output", made, source], capture_output=True, check=False)
            assert done.returncode == 0, done.stderr
            xml = made.read_text()
        return then(xml) if then else xml

    def by_pysaml2(
        self,
        *,
        sign_response: bool,
        sign_assertion: bool,
        service: str = "",
        request: str = REQUEST,
        acs: str = ACS,
        entity: str = SP,
        user: str = "ada",
    ) -> str:
        """A response as pysaml2 makes it, for the service of this metadata."""
        with warnings.catch_warnings():
            # Of pysaml2 itself, which uses names of cryptography's that are going away.
            warnings.simplefilter("ignore")
            from saml2.saml import NAMEID_FORMAT_UNSPECIFIED, NameID

            made = self.server(service or SERVICE).create_authn_response(
                {"eduPersonAffiliation": ["dev", "dba"]},
                in_response_to=request,
                destination=acs,
                sp_entity_id=entity,
                name_id=NameID(format=NAMEID_FORMAT_UNSPECIFIED, text=user),
                authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "authn_auth": IDP},
                sign_response=sign_response,
                sign_assertion=sign_assertion,
                sign_alg=RSA_SHA256,
                digest_alg=SHA256,
            )
        return str(made)

    def server(self, service: str) -> Any:
        """pysaml2's provider, which knows the service of this metadata."""
        from saml2.config import IdPConfig
        from saml2.server import Server

        return Server(config=IdPConfig().load(self._config(service)))

    def metadata(self) -> str:
        """The provider's own, by pysaml2."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from saml2.config import IdPConfig
            from saml2.metadata import entity_descriptor

            return str(entity_descriptor(IdPConfig().load(self._config(SERVICE))))

    def _config(self, service: str) -> dict[str, Any]:
        return {
            "entityid": self.entity,
            "key_file": str(self._key),
            "cert_file": str(self._folder / "idp.pem"),
            "xmlsec_binary": str(self._xmlsec),
            "metadata": {"inline": [service]},
            "service": {
                "idp": {
                    "endpoints": {"single_sign_on_service": [(self.sign_on, f"{BINDING}Redirect")]},
                    "policy": {"default": {"lifetime": {"minutes": 5}}},
                }
            },
        }


class SamlIdpServer(SamlIdp):
    """The provider with its pages: it asks who somebody is, and believes them. `service` is whom it answers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.entity = f"http://{HOST}/idp"
        self.service = SERVICE
        self.answers: list[dict[str, str]] = []
        """What it has had browsers post."""
        idp = self

        class Pages(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                is_metadata = asked.path == "/metadata"
                self._page(idp.metadata() if is_metadata else idp.asks_who(dict(parse_qsl(asked.query))))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self._page(idp.posts(dict(parse_qsl(body))))

            def _page(self, html: str) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(html.encode())))
                self.end_headers()
                self.wfile.write(html.encode())

            def log_message(self, *_said: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Pages)
        self.sign_on = f"http://{HOST}:{self._server.server_port}/sso"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def asks_who(self, query: dict[str, str]) -> str:
        hidden = _hidden(query)
        return f'<form action="/sso" method="post">{hidden}<input name="login"></form>'

    def posts(self, form: dict[str, str]) -> str:
        """A page whose form goes to where the request says, if it is the service's own."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            request = self.server(self.service).parse_authn_request(form["SAMLRequest"], f"{BINDING}Redirect").message
        acs, entity = request.assertion_consumer_service_url, request.issuer.text
        assert f'Location="{acs}"' in self.service
        xml = self.by_pysaml2(
            sign_response=False,
            sign_assertion=True,
            service=self.service,
            request=request.id,
            acs=acs,
            entity=entity,
            user=form["login"],
        )
        answer = {"SAMLResponse": posted(xml), "RelayState": form["RelayState"]}
        self.answers.append(answer)
        return f'<form action="{acs}" method="post">{_hidden(answer)}</form>'


def _hidden(fields: dict[str, str]) -> str:
    return "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())


def posted(xml: str) -> str:
    """As a browser's form has it."""
    return base64.b64encode(xml.encode()).decode()
