"""Whether a SAML response logs somebody in here, and whom (SAML 2.0 Profiles, section 4.1.4)."""

import base64
import binascii
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from cryptography import x509

from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import InvalidToken
from hoopaddon.identity.oidc.claims import MAX_GROUPS, MAX_LIFETIME_S, is_name
from hoopaddon.identity.replay import UsedProofs
from hoopaddon.identity.saml.signed import ASSERTION, MAX_BYTES, PROTOCOL, signed_assertion
from hoopaddon.session import User

_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
_CONDITIONS = frozenset(f"{ASSERTION}{name}" for name in ("AudienceRestriction", "OneTimeUse", "ProxyRestriction"))
# xs:dateTime in UTC (SAML 2.0 Core, section 1.3.3).
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z")


@dataclass(frozen=True, slots=True)
class SamlSettings:
    """Whose answers are taken, and what they have to say.

    `recipient` is the address that they are posted to, `audience` what the provider calls this gateway; a user is
    called by `user_attribute`, or by the NameID where there is none.
    """

    issuer: str
    certificates: tuple[x509.Certificate, ...]
    recipient: str
    audience: str
    user_attribute: str = ""
    groups_attribute: str = "groups"
    leeway_s: int = 30


def certificates_of(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The provider's certificates: two while it changes them. Raises `ConfigError`."""
    try:
        found = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        raise ConfigError("holds no certificate in PEM", key="saml_certificate") from None
    return found


class SamlProvider:
    """Takes the answers of one identity provider."""

    def __init__(
        self, settings: SamlSettings, used: UsedProofs | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self._used = used or UsedProofs(clock)
        self._clock = clock

    def user(self, posted: str, *, request_id: str) -> User:
        """The user of a posted SAMLResponse that answers this request. Raises `InvalidToken`.

        Its claims are the assertion's: iss, sub, jti, iat, exp, session_ends where it says when the session at the
        provider does, and the attributes by name.
        """
        response, assertion = signed_assertion(_decoded(posted), self.settings.certificates)
        self._check_response(response, request_id)
        if _text(assertion, "Issuer") != self.settings.issuer or assertion.get("Version") != "2.0":
            raise InvalidToken("the assertion is from another issuer")
        ends = [self._check_confirmation(assertion, request_id), *self._check_conditions(assertion)]
        sessions = self._check_statements(assertion)
        ends += sessions
        user = self._user(assertion, min(ends), {"session_ends": min(sessions)} if sessions else {})
        # Last of all: what does not log anybody in is not used up either.
        self._used.use(str(user.claims["jti"]), max(ends) + self.settings.leeway_s)
        return user

    def _check_response(self, response: Any, request_id: str) -> None:
        status = response.findall(f"{PROTOCOL}Status/{PROTOCOL}StatusCode")
        if len(status) != 1 or status[0].get("Value") != _SUCCESS:
            raise InvalidToken("the provider has not logged anybody in")
        issuers = response.findall(f"{ASSERTION}Issuer")
        if len(issuers) > 1 or (issuers and "".join(issuers[0].itertext()).strip() != self.settings.issuer):
            raise InvalidToken("the response is from another issuer")
        if response.get("Destination", self.settings.recipient) != self.settings.recipient:
            raise InvalidToken("the response is for another destination")
        if response.get("InResponseTo") != request_id:
            raise InvalidToken("the response answers another request, or none")

    def _check_confirmation(self, assertion: Any, request_id: str) -> float:
        """When the one confirmation that is for whoever brings it ends."""
        found = assertion.findall(f"{ASSERTION}Subject/{ASSERTION}SubjectConfirmation")
        data = found[0].findall(f"{ASSERTION}SubjectConfirmationData") if len(found) == 1 else []
        if len(found) != 1 or found[0].get("Method") != _BEARER or len(data) != 1:
            raise InvalidToken("the assertion has not one bearer confirmation")
        if data[0].get("Recipient") != self.settings.recipient:
            raise InvalidToken("the assertion is for another recipient")
        if data[0].get("InResponseTo") != request_id:
            raise InvalidToken("the assertion answers another request, or none")
        end = self._check_times(data[0])
        if end is None:
            raise InvalidToken("the assertion's confirmation has no end")
        return end

    def _check_conditions(self, assertion: Any) -> list[float]:
        found = assertion.findall(f"{ASSERTION}Conditions")
        if len(found) != 1:
            raise InvalidToken("the assertion has no conditions, or several")
        if unknown := [child for child in found[0] if child.tag not in _CONDITIONS]:
            raise InvalidToken(f"the assertion has a condition that is not known here ({len(unknown)})")
        restrictions = found[0].findall(f"{ASSERTION}AudienceRestriction")
        for restriction in restrictions:
            audiences = ["".join(a.itertext()).strip() for a in restriction.findall(f"{ASSERTION}Audience")]
            if self.settings.audience not in audiences:
                raise InvalidToken("the assertion is for another audience")
        if not restrictions:
            raise InvalidToken("the assertion names no audience")
        end = self._check_times(found[0])
        return [] if end is None else [end]

    def _check_statements(self, assertion: Any) -> list[float]:
        """Somebody has logged in at the provider, and not too long ago for it."""
        found = assertion.findall(f"{ASSERTION}AuthnStatement")
        if not found:
            raise InvalidToken("the assertion does not say that anybody has logged in")
        ends = [_time(statement.get("SessionNotOnOrAfter")) for statement in found]
        until = [end for end in ends if end is not None]
        if any(end <= self._clock() - self.settings.leeway_s for end in until):
            raise InvalidToken("the session at the provider is over")
        return until

    def _check_times(self, element: Any) -> float | None:
        now, leeway_s = self._clock(), self.settings.leeway_s
        start, end = _time(element.get("NotBefore")), _time(element.get("NotOnOrAfter"))
        if start is not None and start > now + leeway_s:
            raise InvalidToken("the assertion is not valid yet: compare the clocks of the two machines")
        if end is not None and end <= now - leeway_s:
            raise InvalidToken("the assertion has expired")
        return end

    def _user(self, assertion: Any, end: float, more: dict[str, Any]) -> User:
        issued = _time(assertion.get("IssueInstant"))
        if issued is None or issued > self._clock() + self.settings.leeway_s or end - issued > MAX_LIFETIME_S:
            raise InvalidToken("the assertion was not issued lately")
        id = assertion.get("ID")
        if not is_name(id):
            raise InvalidToken("the assertion has no id")
        subject = _text(assertion, f"Subject/{ASSERTION}NameID")
        attributes = _attributes(assertion)
        chosen = self.settings.user_attribute
        names = attributes.get(chosen, []) if chosen else [subject]
        if not is_name(subject) or len(names) != 1 or not is_name(names[0]):
            raise InvalidToken("the assertion's subject is not a name")
        groups = attributes.get(self.settings.groups_attribute, [])
        if len(groups) > MAX_GROUPS or not all(is_name(group) for group in groups):
            raise InvalidToken("the assertion's groups are not names")
        said = {"iss": self.settings.issuer, "sub": subject, "jti": id, "iat": issued, "exp": end}
        return User(names[0], frozenset(groups), MappingProxyType({**attributes, **said, **more}))


def _decoded(posted: str) -> bytes:
    """The XML of a form's field, which is base64 in lines of any length (SAML 2.0 Bindings, section 3.5.4)."""
    if len(posted) > MAX_BYTES * 2:
        raise InvalidToken(f"the response is longer than {MAX_BYTES} bytes")
    try:
        return base64.b64decode("".join(posted.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidToken("the response is not base64") from None


def _text(element: Any, path: str) -> str:
    """The text of the one element there; what is within others is no text."""
    found = element.findall(f"{ASSERTION}{path}")
    if len(found) != 1 or len(found[0]):
        raise InvalidToken(f"the assertion has not one {path.rpartition('}')[2]}")
    return (found[0].text or "").strip()


def _attributes(assertion: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for attribute in assertion.findall(f"{ASSERTION}AttributeStatement/{ASSERTION}Attribute"):
        name = attribute.get("Name", "")
        if name in found:
            raise InvalidToken("an attribute occurs twice")
        values = attribute.findall(f"{ASSERTION}AttributeValue")
        if any(len(value) for value in values):
            raise InvalidToken("an attribute has more than text in it")
        found[name] = [(value.text or "").strip() for value in values]
    return found


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    if _TIME.fullmatch(text) is None:
        raise InvalidToken("a time of the assertion is none")
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        raise InvalidToken("a time of the assertion is none") from None
