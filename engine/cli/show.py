"""Shows one session from its file, event by event, holding no more of it than the commands that are running."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hoopaddon.cli.terminal import harmless, joined, length, moment, one_line, plural, table, verdict_text
from hoopaddon.store.events import integer, number, text
from hoopaddon.store.screen import words_of
from hoopaddon.store.streams import RESIZE, TERMINAL, TEXTS, text_of
from hoopaddon.store.verify import complete_lines, event, open_journal

_CELL_CHARS = 60
_LINE_CHARS = 400
_ID_CHARS = 13
_SHELL = "ssh_shell"
_MARKS = {"ssh_exec": "$ ", "ssh_input": "> ", "sftp_operation": "file: ", "ssh_forward": "forward: "}
"""Before the text of commands that are no statements, by kind."""


@dataclass(slots=True)
class _Running:
    """A command whose end has not been read yet."""

    asked: dict[str, Any]
    results: list[tuple[list[str], list[list[Any]]]] = field(default_factory=list)
    """The names of its columns and the first rows of each result."""
    kept: int = 0
    outputs: list[tuple[str, str]] = field(default_factory=list)
    printed: dict[str, str] = field(default_factory=dict)
    """The beginning of what streamed, by kind; of a terminal only that something did."""
    cut: bool = False


def events(path: Path) -> Iterator[dict[str, Any]]:
    """The session's events, as far as they are events."""
    with open_journal(path) as file:
        for line in complete_lines(file):
            try:
                yield event(line)
            except ValueError:
                yield {"type": "damaged"}


class Show:
    """Prints a session; at most `rows` rows of each result."""

    def __init__(self, out: Console, rows: int) -> None:
        self.out = out
        self.rows = rows
        self.running: dict[int, _Running] = {}
        self._session = ""

    def show(self, path: Path) -> None:
        for found in events(path):
            position = integer(found.get("command")) or 0
            match found.get("type"):
                case "session":
                    self._header(found)
                case "command":
                    self.running[position] = _Running(found)
                    if found.get("kind") == _SHELL:
                        self._opened(position, found)
                case "rows":
                    self._keep_rows(position, found)
                case "output":
                    self._output(position, found)
                case "cut" if running := self.running.get(position):
                    running.cut = True
                case "command_end":
                    self._keep_rows(position, found)
                    self._command(position, self._ended(position, found), found)
                case "lost":
                    self.out.print(
                        f"{plural(integer(found.get('events')) or 0, 'event')} could not be recorded", style="red"
                    )
                case "damaged":
                    self.out.print("a line that is no event: check this session with `verify`", style="red")
                case "end":
                    if reason := one_line(text(found.get("reason"))):
                        self.out.print(Text(f"ended by a policy: {reason}", "red"))
                    self.out.print(f"ended {moment(number(found.get('at')) or 0.0)}, and signed", style="dim")
        for position, running in sorted(self.running.items()):
            self._command(position, running, {})

    def _ended(self, position: int, end: dict[str, Any]) -> _Running:
        """The command that has ended; for one that was never forwarded, the end says what was asked."""
        return self.running.pop(position) if position in self.running else _Running(end)

    def _header(self, found: dict[str, Any]) -> None:
        self._session = one_line(text(found.get("session")))[:_ID_CHARS]
        target = found.get("target")
        target = target if isinstance(target, dict) else {}
        groups, labels = _strings(found.get("groups")), target.get("labels")
        where = f"{text(target.get('name'))}  ({text(target.get('protocol'))}, {text(target.get('address'))})"
        if isinstance(labels, dict) and labels:
            where += "  " + " ".join(f"{name}={text(value)}" for name, value in labels.items())
        said = found.get("parameters")
        grid = Table.grid(padding=(0, 2))
        grid.add_row(Text("session", "bold"), one_line(text(found.get("session"))))
        grid.add_row(
            Text("who", "bold"),
            one_line(
                f"{', by '.join((text(found.get('user')), *_strings(found.get('actors'))))}"
                f"  {'(' if groups else ''}{', '.join(groups)}{')' if groups else ''}"
            ),
        )
        grid.add_row(Text("from", "bold"), one_line(text(found.get("address"))))
        grid.add_row(Text("where", "bold"), one_line(where))
        grid.add_row(Text("when", "bold"), moment(number(found.get("started")) or 0.0))
        if isinstance(said, dict) and said:
            grid.add_row(Text("says", "bold"), one_line("  ".join(f"{k}={text(v)}" for k, v in said.items())))
        self.out.print(grid)

    def _keep_rows(self, position: int, found: dict[str, Any]) -> None:
        running = self.running.get(position)
        cells = found.get("cells")
        if running is None or not isinstance(cells, list):
            return
        if "columns" in found or not running.results:
            running.results.append((_strings(found.get("columns")), []))
        kept = [row for row in cells if isinstance(row, list)][: self.rows - running.kept]
        running.results[-1][1].extend(kept)
        running.kept += len(kept)

    def _output(self, position: int, found: dict[str, Any]) -> None:
        kind, said = text(found.get("kind")), text(found.get("text"))
        if kind in TEXTS or kind == RESIZE:
            self._streamed(position, kind, found)
        elif running := self.running.get(position):
            # An error is said at the command's end as well.
            if kind != "error" and len(running.outputs) < self.rows:
                running.outputs.append((kind, said))
        else:
            self.out.print(Text(f"{one_line(kind)}: {harmless(said)}", "dim"))

    def _streamed(self, position: int, kind: str, found: dict[str, Any]) -> None:
        running = self.running.get(position)
        if running is None or kind == RESIZE:
            return
        so_far = running.printed.get(kind, "")
        if kind == TERMINAL:
            running.printed[kind] = "shown"
        elif len(so_far) < self.rows * _LINE_CHARS:
            running.printed[kind] = so_far + text_of(found)[: self.rows * _LINE_CHARS]

    def _opened(self, position: int, asked: dict[str, Any]) -> None:
        """A shell goes on while what is typed into it begins and ends."""
        said = _strings(asked.get("parameters"))
        has_terminal = len(said) >= 3 and said[1] != "0"
        kind = f" ({one_line(said[0], 40)}, {one_line('x'.join(said[1:3]), 20)})" if has_terminal else ""
        line = Text(f"\n#{position}  {moment(number(asked.get('at')) or 0.0)}  ", "dim")
        self.out.print(line.append(f"a shell is opened{kind}", "bold"))

    def _command(self, position: int, running: _Running, end: dict[str, Any]) -> None:
        asked = running.asked
        line = Text(f"\n#{position}  {moment(number(asked.get('at')) or 0.0)}  ", "dim")
        line.append_text(verdict_text(text(end.get("verdict"))))
        for part in _effects(end, text(asked.get("kind"))):
            line.append(f"  {part}")
        self.out.print(line)
        kind = text(asked.get("kind"))
        self._indented(Text(f"{_MARKS.get(kind, '')}{harmless(text(asked.get('text')))}", "bold"))
        if (parameters := asked.get("parameters")) and kind != _SHELL:
            values = parameters if isinstance(parameters, list) else [parameters]
            names = ("" if kind in _MARKS else f"${i}=" for i in range(1, len(values) + 1))
            shown = ", ".join(f"{name}{_cell(value)}" for name, value in zip(names, values, strict=True))
            self._indented(Text(shown, "cyan"))
        if asked.get("asked"):
            self._indented(Text(f"rewritten; asked was: {harmless(text(asked['asked']))}", "yellow"))
        for approval in asked.get("approvals") or ():
            if isinstance(approval, dict):
                self._indented(Text(_approval(approval), "cyan"))
        for note in _notes(asked.get("notes")):
            self._indented(Text(note, "cyan"))
        if end.get("reason") and text(end.get("verdict")) not in ("allowed", "approved"):
            self._indented(Text(f"{one_line(text(end.get('addon')))}: {one_line(text(end['reason']))}", "red"))
        for kind, said in running.outputs:
            self._indented(Text(f"{one_line(kind)}: {harmless(said)}", "dim"))
        self._printed(running)
        if end.get("error"):
            self._indented(Text(harmless(text(end["error"])), "red"))
        self._results(running, end)

    def _printed(self, running: _Running) -> None:
        """The first lines of what a program printed; where it had a terminal, how to see that."""
        for kind, printed in running.printed.items():
            if kind == TERMINAL:
                self._indented(Text(f"what was on the screen: hoopaddon sessions replay {self._session}", "dim"))
                continue
            lines = [line for line in words_of(printed).splitlines() if line.strip()]
            for line in lines[: self.rows]:
                self._indented(Text(one_line(line, _LINE_CHARS), "yellow" if kind == "stderr" else ""))
            if len(lines) > self.rows:
                self._indented(Text("…", "dim"))
        if running.cut:
            self._indented(Text("the rest was not recorded: it is beyond the limit", "dim"))

    def _results(self, running: _Running, end: dict[str, Any]) -> None:
        for columns, cells in running.results:
            if not cells:
                continue
            width = max(len(row) for row in cells)
            shown = table(*(one_line(name, _CELL_CHARS) for name in [*columns, *[""] * width][:width]))
            for row in cells:
                shown.add_row(*(_cell(value) for value in [*row, *[""] * width][:width]))
            self._indented(shown)
        total = integer(end.get("rows")) or running.kept
        if total > running.kept > 0:
            recorded = integer(end.get("recorded_rows"))
            note = f"{running.kept} of {total} rows" + ("" if recorded is None else f"; {recorded} are recorded")
            self._indented(Text(note, "dim"))

    def _indented(self, what: Text | Table) -> None:
        self.out.print(Padding(what, (0, 0, 0, 4), expand=False))


def _effects(end: dict[str, Any], kind: str) -> Iterator[str]:
    if (rows := integer(end.get("rows"))) is not None and (rows or (kind not in _MARKS and kind != _SHELL)):
        yield plural(rows, "row")
    if (size := integer(end.get("bytes"))) is not None:
        yield plural(size, "byte")
    if (seconds := number(end.get("seconds"))) is not None:
        yield length(seconds)
    if tag := text(end.get("tag")):
        # The tag of a file that was sent has its hash, which is of no use in part.
        yield one_line(tag, _LINE_CHARS if kind in _MARKS else _CELL_CHARS)


def _approval(approval: dict[str, Any]) -> str:
    reason = text(approval.get("reason"))
    names = joined(_strings(approval.get("approvers")))
    return f"approved by {names} for {one_line(text(approval.get('policy')))}" + (
        f": {one_line(reason)}" if reason else ""
    )


def _notes(notes: Any) -> Iterator[str]:
    for note in notes if isinstance(notes, list) else ():
        if len(said := _strings(note)) == 2:
            yield one_line(f"{said[1]} ({said[0]})")


def _cell(value: Any) -> str:
    return "NULL" if value is None else one_line(text(value), _CELL_CHARS)


def _strings(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
