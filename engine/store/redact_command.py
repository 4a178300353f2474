"""How a command's secrets are taken out, by what it is written in."""

from hoopaddon.command import Command
from hoopaddon.commands import ShellCommand
from hoopaddon.output import Output
from hoopaddon.store.redact import Redacted, may_hold_secret, redact
from hoopaddon.store.redact_kube import redact_kubernetes, redact_object
from hoopaddon.store.redact_shell import redact_line
from hoopaddon.store.redact_web import redact_request

_WEB = frozenset({"http", "kubernetes", "mcp"})


def is_worth_a_look(command: Command, text: str) -> bool:
    """Whether the text may have a secret in it."""
    return isinstance(command, ShellCommand) or command.protocol in _WEB or may_hold_secret(text)


def redact_command(command: Command, text: str) -> Redacted:
    """A text of this command as it may be kept."""
    if isinstance(command, ShellCommand):
        return redact_line(text)
    if command.protocol == "kubernetes":
        return redact_kubernetes(text)
    return redact_request(text) if command.protocol in _WEB else redact(text)


def redact_output(output: Output) -> str:
    """What came back as it may be kept: nothing of what a Secret holds, whether a policy masks it or not."""
    if output.kind != "object":
        return output.text
    return redact_object(output.text, output.command.text if output.command is not None else "")
