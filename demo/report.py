"""What the demonstration shows, and what of it was really observed."""

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.agent import Reply

OUTCOMES = {
    "allowed": "what nothing speaks against passes untouched",
    "masked": "personal data never reaches the agent, in rows or in errors",
    "blocked": "the database never hears of it, and the agent is told why",
    "approved": "held until a second person says yes",
    "denied": "held, and nobody answers in time",
    "truthful": "after a refusal the transaction is what the client is told it is",
    "ssh": "the same policies before a shell: allowed, masked, blocked and recorded",
    "http": "the same policies before an API: masked, blocked and recorded, and nobody without a token",
    "mcp": "the same policies between an agent and its tools: masked, blocked, held and recorded",
    "recorded": "all of it, as the agent saw it, and any change shows",
}
"""Every outcome that has to be observed, in the order in which it is shown."""

_MAX_WIDTH = 100
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was looked at: whether it is as it has to be."""

    outcome: str
    fact: str
    seen: bool


class Report:
    """Prints as things happen, and keeps the checks."""

    def __init__(self) -> None:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        self.console = Console(markup=False, emoji=False, highlight=False)
        self.console.width = min(self.console.width, _MAX_WIDTH)
        self.checks: list[Check] = []
        self._scenes = 0

    @property
    def columns(self) -> int:
        """The width that is left for what is shown."""
        return self.console.width - _MARGIN

    @property
    def colour(self) -> bool:
        return self.console.is_terminal and not self.console.no_color

    # -- showing

    def heading(self, text: str) -> None:
        """A new part begins."""
        self.console.print()
        self.console.print(Rule(Text(text, "bold"), align="left", style="cyan"))

    def scene(self, outcome: str) -> None:
        """A new outcome begins."""
        self._scenes += 1
        self.heading(f"{self._scenes} {outcome}")
        self.console.print(Text(OUTCOMES[outcome], "italic"))
        self.console.print()

    def line(self, text: str) -> None:
        """Something to copy: never broken, however long."""
        self.console.print(f"  {text}", style="bold", soft_wrap=True)

    def log(self, text: str) -> None:
        """What the gateway logs."""
        self.console.print(text, style="dim", end="", soft_wrap=True)

    def note(self, text: str) -> None:
        """A sentence of explanation."""
        self.console.print(text)

    def program(self, who: str, *words: str) -> None:
        """A long command line, an option with its value to a line."""
        text = Text.assemble((f"  {who}$ ", "magenta"), ("hoopaddon", "bold"))
        for option, value in zip(words[::2], words[1::2], strict=True):
            text.append(f" \\\n      {option} {shlex.quote(value)}", "bold")
        self.console.print(text, soft_wrap=True)

    def statement(self, who: str, sql: str, parameters: Sequence[Any] = ()) -> None:
        """What somebody sends."""
        text = Text.assemble((f"{who}> ", "cyan"), (sql, "bold"))
        if parameters:
            text.append(f"   with {', '.join(map(str, parameters))}", "cyan")
        self._indented(text)

    def shell(self, who: str, command: str) -> None:
        """What somebody runs on another machine."""
        self._indented(Text.assemble((f"{who}$ ", "cyan"), ("ssh … ", "cyan"), (shlex.quote(command), "bold")))

    def program_of(self, who: str, line: str) -> None:
        """A program that somebody runs."""
        self._indented(Text.assemble((f"{who}$ ", "cyan"), (line, "bold")))

    def tool(self, who: str, call: str) -> None:
        """A tool that somebody calls."""
        self._indented(Text.assemble((f"{who}> ", "cyan"), (call, "bold")))

    def command(self, who: str, *words: str) -> None:
        """A command that somebody runs."""
        self._indented(Text.assemble((f"{who}$ ", "magenta"), (shlex.join(("hoopaddon", *words)), "bold")))

    def reply(self, reply: Reply) -> None:
        """What the client gets: the rows, or the error."""
        if reply.failed:
            self._indented(Text(f"ERROR {reply.code}: {reply.message}", "red"))
            if reply.detail:
                self._indented(Text(f"DETAIL: {reply.detail}", "red"))
        elif not reply.columns:
            self._indented(Text(reply.tag))
        else:
            shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, header_style="bold")
            for column in reply.columns:
                shown.add_column(column, overflow="fold")
            for row in reply.rows:
                shown.add_row(*("NULL" if cell is None else str(cell) for cell in row))
            self._indented(shown)

    def output(self, printed: str, max_lines: int = 0, style: str = "") -> None:
        """What a command printed, with its own colours; at most so many lines of it."""
        lines = printed.strip("\n").splitlines()
        while lines and not lines[-1].strip():
            lines.pop()
        if not lines:
            return
        left = len(lines) - max_lines if max_lines else 0
        text = Text.from_ansi("\n".join(lines[:max_lines] if left > 0 else lines), style=style)
        self._indented(text)
        if left > 0:
            self._indented(Text(f"… and {left} lines more", "dim"))

    def gap(self) -> None:
        self.console.print()

    def _indented(self, what: Text | Table) -> None:
        self.console.print(Padding(what, (0, 0, 0, _MARGIN), expand=False))

    # -- checking

    def check(self, outcome: str, fact: str, seen: bool) -> bool:
        """Keep and show whether this was observed."""
        self.checks.append(Check(outcome, fact, seen))
        mark, style = ("✓", "green") if seen else ("✗ not so:", "bold red")
        self._indented(Text(f"{mark} {fact}", style))
        return seen

    def missing(self) -> list[str]:
        """What was not observed, one line each; empty when everything was."""
        wrong = [f"{check.outcome}: {check.fact}" for check in self.checks if not check.seen]
        looked_at = {check.outcome for check in self.checks}
        return wrong + [f"{outcome}: was not reached" for outcome in OUTCOMES if outcome not in looked_at]

    def summary(self) -> None:
        """One line for each outcome, and what is missing."""
        self.heading("observed")
        shown = Table.grid(padding=(0, 2))
        for outcome in OUTCOMES:
            checks = [check for check in self.checks if check.outcome == outcome]
            seen = sum(check.seen for check in checks)
            style = "green" if checks and seen == len(checks) else "bold red"
            shown.add_row(Text(outcome, style), Text(f"{seen} of {len(checks)}", style), OUTCOMES[outcome])
        self._indented(shown)
        self.failures(self.missing())

    def failures(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.console.print(Text(f"missing: {line}", "bold red"), soft_wrap=True)
