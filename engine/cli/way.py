"""What leads from here to a target: where its gateway listens, and the token that lets its user in."""

import argparse
import difflib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hoopaddon.adapter import adapters
from hoopaddon.cli.person import own_token, system_user
from hoopaddon.cli.place import Place
from hoopaddon.cli.token import duration_s, signed
from hoopaddon.clients import Clients, HasClients, Way
from hoopaddon.config.draft import FileTarget
from hoopaddon.errors import ConfigError
from hoopaddon.identity.compact import claimed
from hoopaddon.identity.tokens import MAX_TTL_S
from hoopaddon.relay.certificates import STORE_NAME
from hoopaddon.relay.listener import LOOPBACK_HOSTS
from hoopaddon.store.keys import KEY_NAME

_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,254}")
_GATEWAY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9_.-]*)(?::(?P<port>[0-9]{1,5}))?")
_ANY_HOST = ("", "0.0.0.0", "::")  # noqa: S104 not listened at


def find_way(args: argparse.Namespace, place: Place) -> tuple[Way, Clients]:
    """The way to `args.target`, and the programs of its protocol. Raises `ConfigError`."""
    if not _TARGET.fullmatch(args.target):
        raise ConfigError("is no name of a target", key="TARGET")
    target = _target(args, place)
    adapter = _adapter(args, target)
    host, port = _address(args, place, target, adapter)
    settings: dict[str, str] = {}
    needs_token = True
    if target is not None:
        address, _, query = target.part.partition("?")
        settings = dict(adapter.form.read_settings(query)[0])
        needs_token = adapter.clients.takes_token(address, settings)
    here = host in LOOPBACK_HOSTS
    token, claims = _token(args, place) if needs_token else ("", {})
    way = Way(
        target=args.target,
        host=host,
        port=port,
        settings=settings,
        user=str(claims.get("sub", "")),
        token=token,
        # No client is to hold on to it for longer than any token of a gateway lives.
        expires_at=min(float(claims.get("exp", 0)), time.time() + MAX_TTL_S),
        authority=_authority(args, place, here=here),
        confdir=place.confdir if here else None,
        shares=target is not None and [one.listen for one in _targets(place)].count(target.listen) > 1,
    )
    return way, adapter.clients


# -- where


def _targets(place: Place) -> Sequence[FileTarget]:
    return place.draft.targets if place.draft is not None else ()


def _target(args: argparse.Namespace, place: Place) -> FileTarget | None:
    """The target as the file has it; None where the gateway is named, and the file has no such target."""
    targets = {target.name: target for target in _targets(place)}
    if args.target in targets or args.gateway:
        return targets.get(args.target)
    if not targets:
        hint = "be where its hoopaddon.yaml is, or name it with --config FILE, or --gateway HOST:PORT"
        raise ConfigError("nothing here says where the gateway is", hint=hint)
    close = difflib.get_close_matches(args.target, targets, n=1)
    hint = f"did you mean {close[0]}?" if close else f"targets are {', '.join(targets)}"
    raise ConfigError(f"there is no target {args.target}", hint=hint)


def _adapter(args: argparse.Namespace, target: FileTarget | None) -> HasClients:
    known = {name: one for name, one in adapters().items() if isinstance(one, HasClients)}
    program = Path(args.command[0]).name if args.command else ""
    by_program = next((name for name, one in known.items() if program in one.clients.programs), None)
    name = target.protocol if target is not None else args.protocol or by_program
    if name in known:
        return known[name]
    said = f"{name} is no protocol" if name else f"nothing says what {args.target} speaks"
    raise ConfigError(said, key="--protocol", hint=f"name it: {', '.join(known)}")


def _address(
    args: argparse.Namespace, place: Place, target: FileTarget | None, adapter: HasClients
) -> tuple[str, int]:
    default = target.listen if target is not None else str(adapter.mode.default_port)
    listen_host, _, listen_port = default.rpartition(":")
    if args.gateway:
        found = _GATEWAY.fullmatch(args.gateway)
        if found is None or not 1 <= int(found["port"] or listen_port) <= 65535:
            raise ConfigError("is no place of a gateway", key="--gateway", hint="write HOST or HOST:PORT")
        return found["host"].strip("[]"), int(found["port"] or listen_port)
    host = listen_host or str(place.options.listen_host)
    return "127.0.0.1" if host in _ANY_HOST else host, int(listen_port)


def _authority(args: argparse.Namespace, place: Place, *, here: bool) -> Path | None:
    if args.ca:
        named = Path(args.ca).expanduser()
        if not named.is_file():
            raise ConfigError("there is no such file", file=args.ca, key="--ca")
        return named.absolute()
    own = place.confdir / f"{STORE_NAME}-ca-cert.pem"
    # One who has a gateway of their own may connect to another.
    return own.absolute() if here and not place.options.tls_certificate and own.exists() else None


# -- who


def _token(args: argparse.Namespace, place: Place) -> tuple[str, dict[str, Any]]:
    """The first token that there is, and what it says. Raises `ConfigError` for one that is over."""
    token = own_token(args)
    if token is None:
        return _signed(args, place)
    return token, _claims(args, token)


def _claims(args: argparse.Namespace, token: str) -> dict[str, Any]:
    """What a token says that is given. Raises `ConfigError` where it is of no use here."""
    claims = claimed(token)
    if not isinstance(claims.get("sub"), str):
        raise ConfigError("what is given is no token", hint="log in with hoopaddon login, or ask for one")
    over = claims.get("exp")
    if not isinstance(over, int | float) or over <= time.time():
        raise ConfigError("the token has expired", hint="log in again with hoopaddon login, or ask for another")
    if claims.get("target", args.target) != args.target:
        raise ConfigError(f"the token is good for another target than {args.target}")
    return claims


def _signed(args: argparse.Namespace, place: Place) -> tuple[str, dict[str, Any]]:
    if not (place.confdir / KEY_NAME).exists():
        hint = "log in with hoopaddon login, or name a token's file with --token-file"
        raise ConfigError("there is no token, and the gateway's key is not on this machine", hint=hint)
    if place.options.login_listen and not args.user:
        hint = "log in with hoopaddon login, or say by --user for whom a token is signed with the gateway's key"
        raise ConfigError("nobody is logged in", hint=hint)
    groups = [group.strip() for group in args.groups.split(",") if group.strip()]
    subject = args.user or system_user().name
    if args.print:
        return "", {"sub": subject}
    token, user = signed(place, subject=subject, groups=groups, ttl_s=duration_s(args.ttl), target=args.target)
    return token, dict(user.claims)
