"""What the options say of the login service: where it is, what it gives, and to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hoopaddon.errors import ConfigError
from hoopaddon.identity.oidc.settings import LOOPBACK_HOSTS, check_address
from hoopaddon.identity.tokens import MAX_TTL_S
from hoopaddon.listen import place_of

if TYPE_CHECKING:
    from hoopaddon.options import Options

OPTIONS: Mapping[str, tuple[Any, Any, str]] = {
    "login_listen": (
        str,
        "",
        "Where `hoopaddon login` reaches the gateway, as [HOST:]PORT; beyond this machine with TLS. Empty: nowhere.",
    ),
    "login_url": (
        str,
        "",
        "The address of that as users write it: https://gateway.example.com:8443. Needed beyond this machine.",
    ),
    "login_ttl": (int, 3600, "Seconds for which a login is good, up to a day."),
    "login_agents": (
        Sequence[str],
        [],
        "Agents that may get tokens of their own to act for the people who let them.",
    ),
    "saml_metadata": (str, "", "File of the SAML identity provider's metadata, where that is what people log in by."),
    "saml_entity": (str, "", "What that provider calls this gateway; the address of its metadata by default."),
    "saml_user_attribute": (str, "", "The attribute that names the user; the NameID by default."),
    "saml_groups_attribute": (str, "groups", "The attribute that lists the groups."),
}
"""Options by name: the type of each, its default, and what it is for."""
AT_START = ("login_listen", "login_url")

_EVERYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104 these are told apart, not listened at


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """Where the service listens, and what it is called by those who use it, without a slash at the end."""

    host: str
    port: int
    url: str
    ttl_s: int
    agents: frozenset[str]

    @property
    def place(self) -> tuple[str, int, str]:
        """What is settled when the gateway starts."""
        return self.host, self.port, self.url

    @property
    def is_loopback(self) -> bool:
        return self.host in LOOPBACK_HOSTS


def settings_of(options: "Options") -> LoginSettings | None:
    """The settings; None where nobody can log in. Raises `ConfigError`."""
    if not options.login_listen:
        for name in ("login_url", "saml_metadata"):
            if getattr(options, name):
                hint = "name the place to listen at, for example --set login_listen=8443"
                raise ConfigError("means nothing without login_listen", key=name, hint=hint)
        return None
    host, port = _place(options.login_listen)
    if not 1 <= options.login_ttl <= MAX_TTL_S:
        raise ConfigError(f"is 1 to {MAX_TTL_S} seconds", key="login_ttl", hint="3600 is an hour")
    if not options.oidc_issuer and not options.saml_metadata:
        hint = "name the provider that knows people, with oidc_issuer and oidc_login_client, or with saml_metadata"
        raise ConfigError("nobody could log in there", key="login_listen", hint=hint)
    names = frozenset(name for value in options.login_agents for name in value.replace(",", " ").split())
    return LoginSettings(host, port, _url(options.login_url, host, port), options.login_ttl, names)


def _place(text: str) -> tuple[str, int]:
    place = place_of(text)
    if place is None:
        hint = "write PORT or HOST:PORT, 8443 or 127.0.0.1:8443 for example"
        raise ConfigError("is no place to listen at", key="login_listen", hint=hint)
    return place[0] or LOOPBACK_HOSTS[0], place[1]


def _url(said: str, host: str, port: int) -> str:
    if not said:
        if host in LOOPBACK_HOSTS:
            return f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if host in _EVERYWHERE:
            hint = "set it to the address that they reach it by, for example https://gateway.example.com:8443"
            raise ConfigError(
                "needs login_url, since this is no address to be reached by", key="login_listen", hint=hint
            )
        return f"https://{f'[{host}]' if ':' in host else host}:{port}"
    url = service_address(said, key="login_url")
    if host not in LOOPBACK_HOSTS and urlsplit(url).scheme != "https":
        raise ConfigError("has to be https: beyond this machine nothing else is spoken there", key="login_url")
    return url


def service_address(url: str, *, key: str) -> str:
    """The address of a login service in its one spelling. Raises `ConfigError`."""
    try:
        check_address(url, key=key)
    except ConfigError as e:
        hint = "write https://gateway.example.com:8443; http is for this machine alone"
        raise ConfigError(e.message, key=key, hint=hint) from None
    parts = urlsplit(url)
    if parts.path.strip("/") or parts.query:
        hint = "write https://gateway.example.com:8443, and nothing after it"
        raise ConfigError("is the address of a host and a port alone", key=key, hint=hint)
    return f"{parts.scheme}://{parts.netloc.lower()}"
