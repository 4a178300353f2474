"""The program `hoopaddon`: which command it is, and the last stop for every error."""

import difflib
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "try": ("hoopaddon.cli.try_", "judge commands without any server"),
    "token": ("hoopaddon.cli.token", "sign a short-lived token for a user or an agent"),
    "login": ("hoopaddon.cli.login", "log in at the identity provider, and keep a token of the gateway's"),
    "logout": ("hoopaddon.cli.logout", "revoke that token, and remove it"),
    "whoami": ("hoopaddon.cli.whoami", "say who is logged in, and until when"),
    "connect": ("hoopaddon.cli.connect", "start psql, ssh, kubectl, curl … for a target of the gateway"),
    "kubeconfig": ("hoopaddon.cli.kubeconfig", "print a kubeconfig for a target of the gateway"),
    "check": ("hoopaddon.cli.check", "say what is wrong with hoopaddon.yaml, without starting"),
    "targets": ("hoopaddon.cli.targets", "list, add, remove and test the targets of hoopaddon.yaml"),
    "schema": ("hoopaddon.cli.schema", "print the JSON Schema of hoopaddon.yaml, for editors"),
    "users": ("hoopaddon.cli.users", "hash a password for the file of users"),
    "seal": ("hoopaddon.cli.seal", "encrypt a credential, to stand in the configuration itself"),
    "sessions": ("hoopaddon.cli.sessions", "list, show, replay, search, verify and export what was recorded"),
    "approvals": ("hoopaddon.cli.approvals", "answer the commands that wait for a human"),
    "access": ("hoopaddon.cli.access", "ask for access to a target, and grant, extend or end it"),
    "mcp": ("hoopaddon.cli.mcp", "stand between an agent and an MCP server that it starts"),
    "serve-mcp": ("hoopaddon.cli.serve_mcp", "be an MCP server, with SQL and shell commands for agents"),
}
"""The first words that are commands; anything else runs the gateway."""

_GATEWAY = "hoopaddon.cli.run"
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    module = _GATEWAY
    if arguments and not arguments[0].startswith("-"):
        if arguments[0] not in COMMANDS:
            return _no_such_command(arguments[0])
        module = COMMANDS[arguments.pop(0)][0]
    try:
        code: int | None = import_module(module).main(arguments)
        return code or 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Without this, Python complains when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as e:  # nobody gets to see a traceback who has not asked for one
        return _unexpected(e, verbose=not {"-v", "--verbose"}.isdisjoint(arguments))


def _no_such_command(word: str) -> int:
    if word.endswith(".py"):
        hint = f"a policy is loaded with -s: hoopaddon -s {word} --mode …"
    elif close := difflib.get_close_matches(word, COMMANDS, n=1):
        hint = f"did you mean {close[0]}?"
    else:
        hint = f"commands are {', '.join(COMMANDS)}; without one, hoopaddon is the gateway: see --help"
    print(f"hoopaddon: no such command: {word}\n  {hint}", file=sys.stderr)
    return 2


def _unexpected(error: Exception, *, verbose: bool) -> int:
    from hoopaddon.errors import ConfigError

    if isinstance(error, ConfigError):
        print(f"hoopaddon: {error}", file=sys.stderr)
        return 1
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    print(f"hoopaddon: unexpected {type(error).__name__}{where}", file=sys.stderr)
    if verbose:
        print("".join(traceback.format_tb(error.__traceback__)), end="", file=sys.stderr)
    else:
        print("  run it again with -v for details", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
