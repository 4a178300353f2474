"""What an identity provider has signed of a SAML response, and nothing beside it.

Signature wrapping moves what is signed to where nobody reads it, and puts something else where it was. Here only the
bytes that the signature was verified over are read, after they have been parsed again by themselves.
"""

from collections.abc import Sequence
from typing import Any

from cryptography import x509
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from hoopaddon.identity.compact import InvalidToken

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_ELEMENTS = 2000

PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
ASSERTION = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
_EXPECTED = SignatureConfiguration(
    location="./",
    expect_references=1,
    signature_methods=_METHODS,
    digest_algorithms=frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512}),
)


def signed_assertion(response: bytes, certificates: Sequence[x509.Certificate]) -> tuple[Any, Any]:
    """The response and its one assertion, whose element is made of signed bytes alone. Raises `InvalidToken`."""
    root = parse(response)
    if root.tag != f"{PROTOCOL}Response" or root.get("Version") != "2.0":
        raise InvalidToken("not a SAML 2.0 response")
    assertion = _only_assertion(root)
    _check_places(root, assertion)
    if assertion.find(_SIGNATURE) is not None:
        read = _verified(etree.tostring(assertion, with_tail=False), f"{ASSERTION}Assertion", certificates)
    elif root.find(_SIGNATURE) is None:
        raise InvalidToken("the assertion is not signed")
    else:
        read = None
    if root.find(_SIGNATURE) is not None:
        root = _verified(etree.tostring(root), f"{PROTOCOL}Response", certificates)
        if read is None:
            read = _only_assertion(root)
    return root, read


def parse(data: bytes) -> Any:
    """The root of a document that holds elements and text alone. Raises `InvalidToken`."""
    if len(data) > MAX_BYTES:
        raise InvalidToken(f"the response is longer than {MAX_BYTES} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, collect_ids=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise InvalidToken("the response is no XML") from None
    if root.getroottree().docinfo.doctype:
        raise InvalidToken("the response has a document type")
    for count, element in enumerate(root.iter()):
        # A comment in the middle of a name makes two texts of it, and readers take one or both.
        if not isinstance(element.tag, str):
            raise InvalidToken("the response has a comment, an entity or an instruction in it")
        if count > MAX_ELEMENTS or sum(1 for _ in element.iterancestors()) > MAX_DEPTH:
            raise InvalidToken("the response has too many elements, or too deep ones")
    return root


def _only_assertion(root: Any) -> Any:
    if next(root.iter("{*}EncryptedAssertion"), None) is not None:
        raise InvalidToken("the assertion is encrypted: have the provider sign it alone, TLS does the rest")
    found = list(root.iter("{*}Assertion"))
    if len(found) != 1:
        raise InvalidToken(f"the response has {len(found)} assertions and not one")
    if found[0].tag != f"{ASSERTION}Assertion" or found[0].getparent() is not root:
        raise InvalidToken("the assertion is not where it belongs")
    return found[0]


def _check_places(root: Any, assertion: Any) -> None:
    """Signatures are where the schema has them, and what they can refer to is there once."""
    for signature in root.iter("{*}Signature"):
        if signature.tag != _SIGNATURE or signature.getparent() not in (root, assertion):
            raise InvalidToken("a signature is not where it belongs")
    ids = [value for element in root.iter() for name, value in element.attrib.items() if name.lower() == "id"]
    if len(set(ids)) != len(ids):
        raise InvalidToken("an ID occurs twice")


def _verified(data: bytes, tag: str, certificates: Sequence[x509.Certificate]) -> Any:
    """The element, made again of the bytes that one of these keys has signed."""
    root = parse(data)
    if len(root.findall(_SIGNATURE)) != 1:
        raise InvalidToken("the same is signed twice")
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(root, x509_cert=certificate, id_attribute="ID", expect_config=_EXPECTED)
        except (SignXMLException, ValueError, etree.LxmlError, AttributeError, TypeError, KeyError):
            continue
        if isinstance(result, list):
            continue
        signed = parse(result.signed_data)
        if signed.tag != tag or signed.get("ID") != root.get("ID"):
            raise InvalidToken("the signature is of something else than where it stands")
        return signed
    raise InvalidToken("the signature is not the provider's")
