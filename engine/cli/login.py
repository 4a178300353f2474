"""`hoopaddon login`: a short-lived token of the gateway's, for whoever can log in at the organisation's provider."""

import argparse
import asyncio
import os
import ssl
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hoopaddon.cli.terminal import joined, moment, one_line, print_error
from hoopaddon.credential import resolve
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.identity.stored import StoredToken
from hoopaddon.login import protocol
from hoopaddon.login.client.browser import by_browser, has_browser, open_browser
from hoopaddon.login.client.device import DeviceLogin, by_device
from hoopaddon.login.client.gateway import GatewayClient
from hoopaddon.login.client.provider import ProviderClient, token_of
from hoopaddon.login.protocol import LoginFailed, new_secret, nonce_of
from hoopaddon.login.settings import service_address
from hoopaddon.options import DEFAULT_CONFDIR

URL_VARIABLE = "HOOPADDON_GATEWAY"
_PROGRAM = "hoopaddon login"
_EPILOG = f"""The address is needed once: afterwards, and where {URL_VARIABLE} says it, `hoopaddon login` is enough.

examples:
  hoopaddon login https://gateway.example.com:8443
  hoopaddon login --device
  hoopaddon login --target orders
  hoopaddon login --client agent-7 --secret env:AGENT_SECRET https://gateway.example.com:8443
"""


def main(argv: Sequence[str]) -> int:
    """Log in, and keep the token; returns 1 where nobody is logged in, 2 for what cannot be tried."""
    args = _parser().parse_args(argv)
    try:
        kept = asyncio.run(_log_in(args, *_place(args)))
        kept.save(args.confdir)
    except ConfigError as e:
        print_error(_PROGRAM, e)
        return 2
    except HoopaddonError as e:
        print_error(_PROGRAM, e)
        return 1
    user = kept.user
    who = f"{one_line(user.actors[0])} for {one_line(user.subject)}" if user.actors else one_line(user.subject)
    groups = f" ({joined(sorted(user.groups))})" if user.groups else ""
    print(f"logged in as {who}{groups} until {moment(kept.expires_at)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Log in at the organisation's identity provider, and keep a short-lived token of the gateway's.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", nargs="?", metavar="URL", help="the gateway's login service")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--device", action="store_true", help="log in on another device, by a code")
    how.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")
    how.add_argument("--client", metavar="ID", help="log in as an agent, by this client's own credentials")
    parser.add_argument("--saml", action="store_true", help="log in by SAML, where OpenID Connect would do as well")
    parser.add_argument("--target", metavar="NAME", help="make the token good for this target alone")
    agents = parser.add_argument_group("agents")
    agents.add_argument("--secret", metavar="REFERENCE", help="where the client's secret is: env:NAME, file:PATH …")
    agents.add_argument("--act-for", metavar="FILE", help="act for the person whose token of the gateway's is there")
    agents.add_argument("--scope", metavar="SCOPE", help="what the client asks the provider for")
    agents.add_argument("--resource", metavar="URI", help="what the client wants the token for (RFC 8707)")
    parser.add_argument("--ca", metavar="FILE", help="PEM file of the authority of the gateway's certificate")
    parser.add_argument("--confdir", default=DEFAULT_CONFDIR, metavar="DIR", help="where the token is kept")
    return parser


def _place(args: argparse.Namespace) -> tuple[str, str]:
    """The address of the login service, and the file that vouches for it. Raises `ConfigError`."""
    before = StoredToken.find(args.confdir) if args.url is None or args.ca is None else None
    url = args.url or os.environ.get(URL_VARIABLE) or (before.gateway if before else "")
    if not url:
        hint = f"name it once: hoopaddon login https://gateway.example.com:8443, or with {URL_VARIABLE}"
        raise ConfigError("which gateway to log in at is not known", hint=hint)
    url = service_address(url, key="URL")
    if args.ca:
        return url, str(Path(args.ca).expanduser().absolute())
    return url, before.ca if before is not None and before.gateway == url else ""


async def _log_in(args: argparse.Namespace, url: str, ca: str) -> StoredToken:
    gateway = GatewayClient(url, tls_of(ca))
    metadata = await gateway.metadata()
    target = {"audience": args.target} if args.target else {}
    if args.saml or (protocol.PROVIDER not in metadata and not args.client):
        token = await _by_saml(args, gateway, metadata, target)
    else:
        provider = await ProviderClient.of(metadata.get(protocol.PROVIDER), gateway.tls)
        token = await (_agent if args.client else _person)(args, gateway, provider, target)
    return StoredToken(token, url, ca)


async def _by_saml(
    args: argparse.Namespace, gateway: GatewayClient, metadata: dict[str, Any], target: dict[str, str]
) -> str:
    if "authorization_endpoint" not in metadata:
        raise LoginFailed(
            "nobody logs in there by a browser: the gateway knows no client of its provider, and no SAML"
        )
    if args.device:
        raise LoginFailed("SAML has no device codes: log in with --no-browser, or where there is a browser")
    return gateway.token_of(*await by_browser(gateway, _shower(args), target))


def tls_of(ca: str) -> ssl.SSLContext | bool:
    """How servers prove themselves: by the system's authorities, and by that of this file. Raises `ConfigError`."""
    if not ca:
        return True
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cafile=ca)
    except (OSError, ssl.SSLError) as e:
        raise ConfigError(f"cannot be used: {e.strerror or 'no PEM'}", file=ca, key="--ca") from None
    return context


async def _person(
    args: argparse.Namespace, gateway: GatewayClient, provider: ProviderClient, target: dict[str, str]
) -> str:
    if args.device or (not args.no_browser and not has_browser() and provider.device_endpoint):
        status, said = await by_device(provider, _show_code)
        proof = {}
    else:
        verifier = new_secret()
        nonce = nonce_of(verifier, gateway.url)
        status, said = await by_browser(provider, _shower(args), {"scope": provider.scope, "nonce": nonce})
        proof = {protocol.VERIFIER: verifier}
    id_token = token_of(status, said, "id_token")
    return await gateway.exchange(subject_token=id_token, subject_token_type=protocol.ID_TOKEN, **proof, **target)


async def _agent(
    args: argparse.Namespace, gateway: GatewayClient, provider: ProviderClient, target: dict[str, str]
) -> str:
    if not args.secret:
        raise ConfigError("is needed with --client", key="--secret", hint="for example --secret env:AGENT_SECRET")
    secret = resolve(args.secret, key="--secret")
    more = {name: value for name in ("scope", "resource") if (value := getattr(args, name))}
    token = await provider.agents_token(args.client, secret, **more)
    if not args.act_for:
        return await gateway.exchange(subject_token=token, subject_token_type=protocol.ACCESS_TOKEN, **target)
    return await gateway.exchange(
        subject_token=_token_in(args.act_for),
        subject_token_type=protocol.JWT,
        actor_token=token,
        actor_token_type=protocol.ACCESS_TOKEN,
        **target,
    )


def _token_in(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as e:
        reason = e.strerror if isinstance(e, OSError) else "it holds no token"
        raise ConfigError(f"cannot read the token: {reason}", file=file, key="--act-for") from None


# -- what the person is told


def _shower(args: argparse.Namespace) -> Callable[[str], None]:
    return _show if args.no_browser or not has_browser() else _open


def _open(address: str) -> None:
    print(f"A browser opens for you to log in. If none does, open this address:\n\n  {address}\n", file=sys.stderr)
    open_browser(address)


def _show(address: str) -> None:
    print(f"Open this address in a browser on this machine:\n\n  {address}\n", file=sys.stderr)


def _show_code(login: DeviceLogin) -> None:
    print(f"On any device, open {login.address} and type this code:\n\n  {login.code}\n", file=sys.stderr)
    if login.whole:
        print(f"or open {login.whole}\n", file=sys.stderr)
