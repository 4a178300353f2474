"""`hoopaddon kubeconfig`: a kubeconfig by which kubectl and its like go through the gateway."""

import argparse
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

from hoopaddon.cli.place import Place, add_place
from hoopaddon.cli.token import duration_s
from hoopaddon.errors import ConfigError
from hoopaddon.kubeconfig import kubeconfig_text
from hoopaddon.options import DEFAULT_CONFDIR
from hoopaddon.relay.certificates import STORE_NAME, certificate_files

_EPILOG = """examples:
  hoopaddon kubeconfig --user ada > ~/.kube/through-hoopaddon
  KUBECONFIG=~/.kube/through-hoopaddon kubectl get pods
"""
_SERVER = re.compile(r"https?://[^\s/]+(/\S*)?")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hoopaddon kubeconfig",
        description="Print a kubeconfig for a target of the gateway. It holds no secret: kubectl asks for short-lived"
        " tokens when it needs them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--user", required=True, metavar="NAME", help="whom the tokens speak for")
    parser.add_argument("--groups", default="", metavar="A,B", help="the user's groups, which policies read")
    parser.add_argument("--ttl", default="15m", metavar="TIME", help="how long a token is good (default 15m)")
    parser.add_argument("--target", metavar="NAME", help="make the tokens good for this target alone")
    parser.add_argument(
        "--server", default="https://127.0.0.1:6443", metavar="URL", help="where the gateway listens (%(default)s)"
    )
    parser.add_argument("--context", default="hoopaddon", metavar="NAME", help="the context's name (%(default)s)")
    parser.add_argument("--namespace", default="", metavar="NAME", help="the context's namespace")
    parser.add_argument("--ca", metavar="FILE", help="who vouches for the gateway (its own authority by default)")
    add_place(parser)
    return parser


def main(argv: list[str]) -> int:
    """Print the kubeconfig on stdout."""
    args = _parser().parse_args(argv)
    try:
        duration_s(args.ttl)
        if not _SERVER.fullmatch(args.server):
            raise ConfigError("is no URL", key="--server", hint="write https://HOST:PORT")
        place = Place.of(args)
        authority = _authority(args.ca, place.confdir) if args.server.startswith("https") else b""
        plugin = [_program(), *_token_arguments(args, place)]
    except ConfigError as e:
        print(f"hoopaddon kubeconfig: {e}", file=sys.stderr)
        return 2
    told = {"authority": authority, "context": args.context, "namespace": args.namespace}
    print(kubeconfig_text(args.server, plugin, **told), end="")
    return 0


def _token_arguments(args: argparse.Namespace, place: Place) -> list[str]:
    found = ["token", "--exec-credential", "--user", args.user, "--ttl", args.ttl]
    for name in ("groups", "target"):
        if value := getattr(args, name):
            found += [f"--{name}", value]
    # kubectl runs it in whatever folder it is in.
    confdir, store = place.confdir.absolute(), place.layout.folder.absolute()
    if confdir != Path(DEFAULT_CONFDIR).expanduser():
        found += ["--confdir", str(confdir)]
    if store != confdir / "store":
        found += ["--store", str(store)]
    return found


def _program() -> str:
    """This program, by its full path: kubectl may be run with another PATH."""
    own = Path(sys.argv[0])
    if own.name == "hoopaddon" and own.exists():
        return str(own.absolute())
    return shutil.which("hoopaddon") or "hoopaddon"


def _authority(file: str | None, folder: Path) -> bytes:
    path = Path(file).expanduser() if file else folder / f"{STORE_NAME}-ca-cert.pem"
    if not file:
        # The gateway makes it when it starts; whoever asks before that makes it here.
        certificate_files(SimpleNamespace(tls_certificate="", tls_key="", confdir_path=folder))
    try:
        return path.read_bytes()
    except OSError as e:
        raise ConfigError(f"cannot read it: {e.strerror}", file=str(path), key="--ca") from None
