"""What the options say of the organisation's OpenID Connect provider."""

import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hoopaddon.errors import ConfigError

if TYPE_CHECKING:
    from hoopaddon.options import Options

KINDS = {
    "RS256": ("RSA", ""),
    "RS384": ("RSA", ""),
    "RS512": ("RSA", ""),
    "PS256": ("RSA", ""),
    "PS384": ("RSA", ""),
    "PS512": ("RSA", ""),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),
}
"""Algorithms that may be allowed, and the type and curve of the key that each needs (RFC 7518, 8037, 9864)."""
DEFAULT_ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
MAX_LEEWAY_S = 300
LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
ANY_CLIENT = "*"
DEFAULT_REDIRECT = "http://127.0.0.1/callback"

OPTIONS: Mapping[str, tuple[Any, Any, str]] = {
    "issuer": (
        str,
        "",
        "The OpenID Connect provider whose tokens log users in, as it spells itself: https://login.example.com",
    ),
    "audience": (Sequence[str], [], "What the provider's tokens for here have as `aud`; `login_client` by default."),
    "clients": (
        Sequence[str],
        [],
        "Clients that the tokens may have been issued to (`azp`), beside the audience; * is any.",
    ),
    "user_claim": (str, "sub", "The claim that names the user: sub, preferred_username …"),
    "groups_claim": (str, "groups", "The claim that lists the groups; realm_access.roles is one within."),
    "algorithms": (Sequence[str], list(DEFAULT_ALGORITHMS), "How the provider's tokens may be signed."),
    "leeway": (int, 30, "Seconds by which the provider's clock may differ."),
    "jwks": (str, "", "Where the provider's keys are. Empty: where its discovery says."),
    "ca": (str, "", "PEM file of the authority that vouches for the provider's certificate."),
    "login_client": (str, "", "The public client of the provider's that `hoopaddon login` is."),
    "login_scopes": (Sequence[str], ["openid", "profile"], "What that client asks the provider for."),
    "login_redirect": (
        str,
        DEFAULT_REDIRECT,
        "Where the provider sends browsers back to, on the user's own machine; without a port, to any.",
    ),
}
"""Options by what follows `oidc_` in their names: the type of each, its default, and what it is for."""
EXPIRY_HELP = "End the sessions that a token has opened when it expires."


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """Whose tokens are taken, and what they have to say. `clients` are those that tokens may have been issued to."""

    issuer: str
    audiences: frozenset[str]
    clients: frozenset[str]
    user_claim: str = "sub"
    groups_claim: str = "groups"
    algorithms: frozenset[str] = frozenset(DEFAULT_ALGORITHMS)
    leeway_s: int = 30
    jwks: str = ""
    """Where the keys are; empty: where the issuer's discovery document says."""
    ca: str = ""
    login_client: str = ""
    login_scopes: tuple[str, ...] = ("openid", "profile")
    login_redirect: str = DEFAULT_REDIRECT

    @property
    def of_logins(self) -> "OidcSettings":
        """The same for ID tokens that the provider has issued to `hoopaddon login`, and to nobody else."""
        client = frozenset({self.login_client})
        return replace(self, audiences=client, clients=client)

    def is_login(self, claims: Mapping[str, Any]) -> bool:
        """Whether this is the ID token of a login in the browser; it proves nothing without what its nonce is of."""
        audience = claims.get("aud")
        whose = [*(audience if isinstance(audience, list) else [audience]), claims.get("azp")]
        return "nonce" in claims and bool(self.login_client) and self.login_client in whose

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """How the provider proves itself. Raises `ConfigError`."""
        if not self.ca:
            return True
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as e:
            reason = e.strerror or "it holds no certificate in PEM"
            raise ConfigError(f"cannot be used: {reason}", file=self.ca, key="oidc_ca") from None


def settings_of(options: "Options") -> OidcSettings | None:
    """The settings; None where no issuer is named. Raises `ConfigError`."""
    issuer: str = options.oidc_issuer
    if not issuer:
        _check_nothing_else(options)
        return None
    check_address(issuer, key="oidc_issuer")
    if options.oidc_jwks:
        check_address(options.oidc_jwks, key="oidc_jwks")
    client: str = options.oidc_login_client
    audiences = _names(options.oidc_audience) or frozenset({client} - {""})
    if not audiences:
        hint = "name what the provider puts into `aud` for this gateway, for example --set oidc_audience=hoopaddon"
        raise ConfigError("is needed with oidc_issuer", key="oidc_audience", hint=hint)
    if not options.oidc_user_claim:
        raise ConfigError("cannot be empty", key="oidc_user_claim", hint="sub is always there")
    if not 0 <= options.oidc_leeway <= MAX_LEEWAY_S:
        raise ConfigError(f"is 0 to {MAX_LEEWAY_S} seconds", key="oidc_leeway", hint="set the machines' clocks")
    settings = OidcSettings(
        issuer=issuer,
        audiences=audiences,
        clients=_names(options.oidc_clients) or audiences,
        user_claim=options.oidc_user_claim,
        groups_claim=options.oidc_groups_claim,
        algorithms=_algorithms(options.oidc_algorithms),
        leeway_s=options.oidc_leeway,
        jwks=options.oidc_jwks,
        ca=options.oidc_ca,
        login_client=client,
        login_scopes=_scopes(options.oidc_login_scopes),
        login_redirect=options.oidc_login_redirect,
    )
    check_redirect(settings.login_redirect, key="oidc_login_redirect")
    # What cannot be used is said now, not at the first login.
    _ = settings.tls
    return settings


def _check_nothing_else(options: "Options") -> None:
    """Who forgets the issuer has not configured an identity."""
    for name in ("oidc_audience", "oidc_jwks", "oidc_login_client"):
        if getattr(options, name):
            hint = "name the provider, for example --set oidc_issuer=https://login.example.com"
            raise ConfigError("means nothing without oidc_issuer", key=name, hint=hint)


def _scopes(values: Sequence[str]) -> tuple[str, ...]:
    """RFC 6749 section 3.3; without `openid` no provider gives an ID token."""
    names = tuple(name for value in values for name in value.replace(",", " ").split())
    if "openid" not in names:
        raise ConfigError("has to have openid in it", key="oidc_login_scopes", hint="for example openid,groups")
    if not all(name.isascii() and name.isprintable() for name in names):
        raise ConfigError("a scope is printable ASCII", key="oidc_login_scopes")
    return names


def check_redirect(address: str, *, key: str) -> None:
    """Raises `ConfigError` unless what is sent there stays on the user's own machine (RFC 8252 section 7.3)."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    is_bare = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme != "http" or host not in LOOPBACK_HOSTS or not is_bare or not address.isprintable():
        raise ConfigError("is no address of the user's own machine", key=key, hint=f"write {DEFAULT_REDIRECT}")


def _names(values: Iterable[str]) -> frozenset[str]:
    return frozenset(name for value in values for name in value.replace(",", " ").split())


def _algorithms(values: Sequence[str]) -> frozenset[str]:
    names = _names(values) or frozenset(DEFAULT_ALGORITHMS)
    for name in sorted(names):
        if name not in KINDS:
            why = " is no proof of anything here" if name == "none" or name.startswith("HS") else " is not known"
            raise ConfigError(f"{name}{why}", key="oidc_algorithms", hint=f"choose of {', '.join(KINDS)}")
    return names


def check_address(address: str, *, key: str) -> None:
    """Raises `ConfigError` unless nobody on the way can change what is read there."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK_HOSTS)
    if not is_safe or not host or parts.username is not None or parts.fragment or not address.isprintable():
        hint = "write https://login.example.com, as the provider spells it; http is for this machine alone"
        raise ConfigError("is no https address", key=key, hint=hint)
