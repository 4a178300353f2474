"""SAML responses: what the provider has signed logs somebody in, and nothing that somebody else has put there."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.replay import UsedProofs
from hoopaddon.identity.saml.response import SamlProvider, certificates_of
from tests.servers.saml import IDP, REQUEST, RSA_SHA256, SHA256, Said, SamlIdp, at, posted, signature

EVIL = Said(name="root", groups=("admin",), id="_evil", sign="")
HMAC = "http://www.w3.org/2000/09/xmldsig#hmac-sha1"
RSA_SHA1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SHA1 = "http://www.w3.org/2000/09/xmldsig#sha1"
WITH_COMMENTS = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> SamlIdp:
    return SamlIdp(tmp_path_factory.mktemp("idp"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> SamlIdp:
    return SamlIdp(tmp_path_factory.mktemp("stranger"))


def taking(idp: SamlIdp, **changes: Any) -> SamlProvider:
    return SamlProvider(idp.settings(**changes))


@pytest.mark.parametrize(("sign_response", "sign_assertion"), [(False, True), (True, False), (True, True)])
def test_what_pysaml2_signs_is_taken(idp: SamlIdp, sign_response: bool, sign_assertion: bool) -> None:
    xml = idp.by_pysaml2(sign_response=sign_response, sign_assertion=sign_assertion)
    user = taking(idp).user(posted(xml), request_id=REQUEST)
    assert (user.subject, user.groups) == ("ada", frozenset({"dev", "dba"}))
    assert user.claims["iss"] == IDP
    with pytest.raises(InvalidToken):
        taking(idp).user(posted(xml), request_id="_another")


def test_what_is_made_by_hand_is_taken_when_it_is_right(idp: SamlIdp) -> None:
    xml = idp.sign(Said().response())
    assert taking(idp).user(posted(xml), request_id=REQUEST).groups == {"dev", "dba"}
    whole = Said(sign="", sign_response=signature("_response-1"))
    assert taking(idp).user(posted(idp.sign(whole.response(), "_response-1")), request_id=REQUEST).subject == "ada"
    in_lines = re.sub(r"(.{60})", r"\1\r\n", posted(xml))
    assert taking(idp).user(in_lines, request_id=REQUEST).subject == "ada"


def test_a_name_may_be_an_attribute(idp: SamlIdp) -> None:
    more = '<saml:Attribute Name="mail"><saml:AttributeValue>ada@example.com</saml:AttributeValue></saml:Attribute>'
    xml = posted(idp.sign(Said(more=more).response()))
    assert taking(idp, user_attribute="mail").user(xml, request_id=REQUEST).subject == "ada@example.com"
    with pytest.raises(InvalidToken, match="subject"):
        taking(idp, user_attribute="uid").user(xml, request_id=REQUEST)


def test_each_assertion_logs_in_once(idp: SamlIdp) -> None:
    provider, xml = taking(idp), posted(idp.sign(Said().response()))
    provider.user(xml, request_id=REQUEST)
    with pytest.raises(InvalidToken, match="used before"):
        provider.user(xml, request_id=REQUEST)


def test_what_is_over_need_not_be_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    used = UsedProofs(lambda: now)
    used.use("a", 1010)
    now = 1011
    used.use("a", 1020)
    monkeypatch.setattr("hoopaddon.identity.replay.MOST_KEPT", 1)
    with pytest.raises(InvalidToken, match="too many"):
        used.use("b", 1020)


def test_two_certificates_while_the_provider_changes_its_own(idp: SamlIdp, stranger: SamlIdp) -> None:
    both = (stranger.certificate, idp.certificate)
    for signer in (idp, stranger):
        xml = posted(signer.sign(Said().response()))
        assert taking(idp, certificates=both).user(xml, request_id=REQUEST).subject == "ada"
    with pytest.raises(Exception, match="PEM"):
        certificates_of(b"none")


# -- what nobody may get in with


def _wrapped(place: Callable[[str, str], str]) -> Callable[[SamlIdp], str]:
    """The signed assertion moved to another place, and an evil one where it was."""

    def made(idp: SamlIdp) -> str:
        def move(xml: str) -> str:
            found = re.search(r"<saml:Assertion .*</saml:Assertion>", xml, re.DOTALL)
            assert found is not None
            return xml.replace(found[0], place(found[0], EVIL.assertion()))

        return idp.sign(Said().response(), then=move)

    return made


def _signed(said: Said, *nodes: str) -> Callable[[SamlIdp], str]:
    return lambda idp: idp.sign(said.response(), *nodes)


def _changed(change: Callable[[str], str], said: Said | None = None) -> Callable[[SamlIdp], str]:
    return lambda idp: idp.sign((said or Said()).response(), then=change)


def _inside(evil: str, tag: str, inner: str) -> str:
    return evil.replace(f"</saml:{tag}>", f"{inner}</saml:{tag}>")


def _as_object(good: str, evil: str) -> str:
    """The evil assertion carries the good one's signature, which has the good one in an Object."""
    found = re.search(r"<ds:Signature>.*</ds:Signature>", good, re.DOTALL)
    assert found is not None
    rest = good.replace(found[0], "")
    carried = found[0].replace("</ds:Signature>", f"<ds:Object>{rest}</ds:Object></ds:Signature>")
    return evil.replace("</saml:Issuer>", f"</saml:Issuer>{carried}")


def _same_id(good: str, evil: str) -> str:
    return evil.replace("_evil", "_assertion-1") + good


def _signature_alone(good: str, evil: str) -> str:
    found = re.search(r"<ds:Signature>.*</ds:Signature>", good, re.DOTALL)
    assert found is not None
    return evil.replace("</saml:Issuer>", f"</saml:Issuer>{found[0]}")


_DTD = '<!DOCTYPE x [<!ENTITY e "root">]>'
_BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
_XXE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
BAD: dict[str, tuple[Callable[[SamlIdp], str], str]] = {
    "not signed": (lambda _: Said(sign="").response(), "not signed"),
    "signature emptied": (lambda _: Said().response(), "signature"),
    "changed after it was signed": (_changed(lambda xml: xml.replace(">ada<", ">root<")), "signature"),
    "a group added": (_changed(lambda xml: xml.replace(">dba<", ">admin<")), "signature"),
    "wrapped: the evil one before": (_wrapped(lambda good, evil: evil + good), "2 assertions"),
    "wrapped: the evil one behind": (_wrapped(lambda good, evil: good + evil), "2 assertions"),
    "wrapped: with the same ID": (_wrapped(_same_id), "2 assertions"),
    "wrapped: the good one inside": (_wrapped(lambda good, evil: _inside(evil, "Subject", good)), "2 assertions"),
    "wrapped: the good one in an advice": (
        _wrapped(lambda good, evil: _inside(evil, "Assertion", f"<saml:Advice>{good}</saml:Advice>")),
        "2 assertions",
    ),
    "wrapped: in extensions": (
        _wrapped(lambda good, evil: f"<samlp:Extensions>{good}</samlp:Extensions>{evil}"),
        "2 assertions",
    ),
    "wrapped: in the signature's object": (_wrapped(_as_object), "2 assertions"),
    "wrapped: only the signature is taken over": (_wrapped(_signature_alone), "signature"),
    "wrapped: the only one is not where it belongs": (
        _wrapped(lambda good, _: f"<samlp:Extensions>{good}</samlp:Extensions>"),
        "not where it belongs",
    ),
    "wrapped: another response around": (
        _changed(lambda xml: Said().response(xml.partition("?>")[2]), Said(sign_response="")),
        "not where it belongs",
    ),
    "a signature of the whole document": (_signed(Said(sign=signature(""))), "something else|signature"),
    "two signatures of it": (
        _changed(
            lambda xml: xml.replace(
                "<saml:Subject>", re.findall(r"<ds:Sig.*?</ds:Signature>", xml, re.DOTALL)[0] + "<saml:Subject>"
            )
        ),
        "twice|ID",
    ),
    "RSA with SHA-1": (_signed(Said(sign=signature("_assertion-1", method=RSA_SHA1))), "signature"),
    "a digest of SHA-1": (_signed(Said(sign=signature("_assertion-1", digest=SHA1))), "signature"),
    "HMAC in the name of a signature": (_changed(lambda xml: xml.replace(RSA_SHA256, HMAC)), "signature"),
    "a comment in the name": (_changed(lambda xml: xml.replace(">ada<", ">a<!-- -->da<")), "comment"),
    "a comment that is signed": (
        _signed(Said(name="root<!-- -->.example", sign=signature("_assertion-1", c14n=WITH_COMMENTS))),
        "comment",
    ),
    "an instruction in the name": (_changed(lambda xml: xml.replace(">ada<", "><?x y?>ada<")), "instruction"),
    "an entity": (_changed(lambda xml: _DTD + xml.partition("?>")[2].replace(">ada<", ">&e;<")), "document type"),
    "a file's entity": (_changed(lambda xml: _XXE + xml.partition("?>")[2].replace(">ada<", ">&e;<")), "type"),
    "a billion laughs": (_changed(lambda xml: _BOMB + xml.partition("?>")[2].replace(">ada<", ">&b;<")), "type"),
    "an encrypted one": (lambda _: Said().response("<saml:EncryptedAssertion/>"), "encrypted"),
    "none": (lambda _: Said().response(""), "0 assertions"),
    "no response": (lambda _: Said().assertion().replace("<saml:Assertion", "<Assertion"), "no XML|not a SAML"),
    "not XML": (lambda _: "SAMLResponse", "no XML"),
    "truncated": (_changed(lambda xml: xml[:-20]), "no XML"),
    "a megabyte": (_changed(lambda xml: xml + " " * (1 << 20)), "longer"),
    "endlessly deep": (lambda _: Said().response("<a>" * 200 + "</a>" * 200), "too deep|too many"),
    "another issuer": (_signed(Said(issuer="https://evil.example")), "another issuer"),
    "another issuer around": (_signed(Said(response_issuer="https://evil.example")), "another issuer"),
    "another audience": (_signed(Said(audience="https://other.example")), "another audience"),
    "no audience": (_signed(Said(audience="")), "no audience"),
    "another recipient": (_signed(Said(recipient="https://other.example/acs")), "another recipient"),
    "another destination": (_signed(Said(destination="https://other.example/acs")), "another destination"),
    "an answer to another request": (_signed(Said(request=' InResponseTo="_x"')), "another request"),
    "an answer to none": (_signed(Said(request="", response_request="")), "another request"),
    "a holder of a key": (_signed(Said(method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key")), "bearer"),
    "a login that failed": (_signed(Said(status="urn:oasis:names:tc:SAML:2.0:status:AuthnFailed")), "not logged"),
    "expired": (_signed(Said(ends=-60)), "expired"),
    "its confirmation expired": (_signed(Said(confirmed=-60)), "expired"),
    "its confirmation without end": (_signed(Said(confirmed=None)), "no end"),
    "not valid yet": (_signed(Said(begins=120)), "not valid yet"),
    "issued in the future": (_signed(Said(issued=120)), "lately"),
    "issued long ago": (_signed(Said(issued=-90_000)), "lately"),
    "the session is over": (_signed(Said(session=-60)), "session"),
    "a condition that nobody knows": (_signed(Said(conditions="<saml:Condition/>")), "condition"),
    "a name with a zero-width space": (_signed(Said(name="a\u200bda")), "subject"),
    "a name in fullwidth letters": (_signed(Said(name="ａｄａ")), "subject"),
    "an empty name": (_signed(Said(name="")), "subject"),
    "a group in two spellings": (_signed(Said(groups=("adm\u00adin",))), "groups"),
    "an element in a group": (_signed(Said(groups=("<b>admin</b>",))), "more than text"),
    "groups twice": (
        _signed(Said(more=f'<saml:Attribute Name="{"urn:oid:1.3.6.1.4.1.5923.1.1.1.1"}"/>')),
        "occurs twice",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_assertion_logs_nobody_in(idp: SamlIdp, name: str) -> None:
    make, says = BAD[name]
    xml = make(idp)
    with pytest.raises(InvalidToken) as caught:
        taking(idp).user(posted(xml), request_id=REQUEST)
    assert re.search(says, caught.value.reason), caught.value.reason
    assert "ada" not in caught.value.reason


def test_a_strangers_signature_is_none(idp: SamlIdp, stranger: SamlIdp) -> None:
    xml = posted(stranger.sign(Said().response()))
    with pytest.raises(InvalidToken, match="signature"):
        taking(idp).user(xml, request_id=REQUEST)
    assert taking(stranger).user(xml, request_id=REQUEST).subject == "ada"


def test_what_is_posted_is_base64(idp: SamlIdp) -> None:
    for text in ("<xml>", "é", "AAAA=A", "A" * (1 << 20)):
        with pytest.raises(InvalidToken):
            taking(idp).user(text, request_id=REQUEST)


def test_clocks_may_differ_by_the_leeway(idp: SamlIdp) -> None:
    late = Said(ends=-10, confirmed=-10, begins=-300, issued=-300)
    early = replace(Said(), begins=20, issued=20)
    for said in (late, early):
        xml = posted(idp.sign(said.response()))
        assert taking(idp).user(xml, request_id=REQUEST).subject == "ada"
        with pytest.raises(InvalidToken):
            taking(idp, leeway_s=2).user(xml, request_id=REQUEST)
    assert at(0).endswith("Z")
    assert SHA256 in signature("x")
