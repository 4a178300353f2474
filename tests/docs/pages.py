"""What a page of the documentation shows, taken at its word.

Of each page, from the top, in one empty folder:

- a `sh` block is run, and has to succeed;
- a `console` block has commands after `$ ` (continued after `> `) and what they print. White space and blank lines do
  not matter, `…` stands for anything in its line, and a line that is `…` for any lines. A command may exit with 0, 1
  or 3, `hoopaddon try`'s verdicts. `k7m2qx` in what is printed is any id, and in later commands that one;
- a `python` block is loaded as a policy.

Blocks in other languages, or in none, are for reading only. A comment above a block changes that:

- `<!-- file: NAME -->`: the block is the content of this file. A policy is loaded as well;
- `<!-- run: gateway -->`: it starts a gateway, which runs until the page ends. In it, and in all later blocks, the
  target's address and the gateway's port become those of a test's server;
- `<!-- run: servers -->`: this becomes so with this block, for a `hoopaddon.yaml` that is started further down;
- `<!-- run: client -->`: a client of that gateway;
- `<!-- run: meanwhile -->`: its one command runs beside the next `console` block, whose commands are tried until they
  print what they are said to, and has printed what it is said to once that is through;
- `<!-- browser: NAME -->`: who it is that logs in where a browser is opened, from this block on;
- `<!-- run: raises ERROR: TEXT -->`: loading the policy raises this;
- `<!-- run: no, WHY -->`: it is not run;
- `<!-- exit: CODE -->`: the last command exits with this.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(
    r"(?P<hints>(?:^<!-- [a-z]+: .*? -->\n)*)^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_HINT = re.compile(r"^<!-- (?P<name>[a-z]+): (?P<value>.*?) -->$", re.MULTILINE)
_KNOWN = {
    "file": ".+",
    "run": "gateway|servers|client|meanwhile|no, .+|raises .+",
    "exit": "[0-9]+",
    "browser": "[a-z]+",
}
ID = "k7m2qx"
"""The id that pages show of an approval, or of a grant."""
_ANY_LINES = "…"


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    text: str
    file: str = ""
    run: str = ""
    exit: str = ""
    browser: str = ""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page for users."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The page's blocks from the top. Raises ValueError for a hint that is none."""
    text = page.read_text()
    name = str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        hints = {hint["name"]: hint["value"] for hint in _HINT.finditer(found["hints"])}
        for hint, value in hints.items():
            if hint not in _KNOWN or not re.fullmatch(_KNOWN[hint], value):
                raise ValueError(f"{name}:{line}: no such hint: {hint}: {value}")
        yield Block(name, line, found["language"], found["text"], **hints)


def dialogue(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console block, each with what it is said to print."""
    command, printed = "", ""
    for line in text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, printed
            command, printed = line[2:], ""
        elif line.startswith("> ") and not printed:
            command += "\n" + line[2:]
        else:
            printed += line + "\n"
    if command:
        yield command, printed


def agrees(said: str, printed: str) -> re.Match[str] | None:
    """What was printed, where the page is right about it; its group `id` is what stands for `ID`."""
    pattern = ""
    for line in _lines(said):
        if line == _ANY_LINES:
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("…")) + r"\n"
    pattern = pattern.replace(ID, "(?P<id>[a-z0-9]{6})", 1).replace(ID, "(?P=id)")
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed)))


def _lines(text: str) -> Iterator[str]:
    return (" ".join(line.split()) for line in text.splitlines() if line.strip())
