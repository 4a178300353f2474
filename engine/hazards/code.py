"""Code that nobody can read before it runs."""

import re

from hoopaddon.commands import ShellProgram

_DOWNLOADS = frozenset({"curl", "wget", "fetch", "aria2c", "nc", "ncat", "socat", "ftp", "http", "lynx"})


def is_unsure(program: ShellProgram) -> str:
    """What may run at a terminal beside the line that is known."""
    return "a line that is not known for certain is refused: type it anew" if program.code == "unsure" else ""


def multiplies(program: ShellProgram) -> str:
    """A function that calls itself in a pipe or in the background: a fork bomb."""
    return (
        "a function that calls itself in the background is refused: it is a fork bomb"
        if program.code == "itself"
        else ""
    )


def runs_piped(program: ShellProgram) -> str:
    """`curl … | sh`, `base64 -d | bash`, `. <(…)`, a script that the line itself has fetched."""
    if program.code != "pipe":
        return ""
    if _DOWNLOADS.intersection(program.fed_by):
        return (
            f"{program.name or 'a program'} that runs a download is refused: fetch it, look at it, then run the file"
        )
    return f"{program.name or 'a program'} that runs what another program writes is refused: write the commands out"


def hides(program: ShellProgram) -> str:
    """Programs whose name is computed, and code that is computed or in another language."""
    if program.code == "unsure":
        return ""
    if not program.name:
        return "a program whose name is computed when it runs is refused: write it out"
    if program.code == "argument":
        return f"{program.name} with code that cannot be read here is refused: run a file, or write the commands out"
    if program.name in ("socat", "nc", "ncat", "netcat", "telnet"):
        words = " ".join(word or "…" for word in program.words)
        if re.search(r"(?i)(?:^|[ ,:])(?:exec|system|shell):|(?:^| )-[a-z]*[ec](?: |$)|--(?:sh-)?exec", words):
            return f"{program.name} that gives a shell to whoever connects is refused"
    if any(path.startswith(("/dev/tcp/", "/dev/udp/")) for path in program.writes | program.reads):
        return "a shell's own network connection is refused: use a program for it"
    return ""


def runs_input(program: ShellProgram) -> str:
    """`ssh host bash -s < script`: what the client sends after the line, and nobody judges."""
    if program.code != "input":
        return ""
    return f"{program.name} that runs what is sent after the command is refused: name the commands, or a file"
