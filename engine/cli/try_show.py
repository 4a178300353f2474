"""A judgement for people and for programs."""

from typing import Any

from rich.console import Console
from rich.text import Text

from hoopaddon.approval import ApprovalRequest
from hoopaddon.cli.terminal import harmless, length, one_line, plural, table
from hoopaddon.cli.try_gateway import Judgement, facts_of
from hoopaddon.command import Outcome
from hoopaddon.policy.chain import place
from hoopaddon.rows import Rows

_MASKED = "bold magenta"
_TRACE_STYLES = {"passed": "dim", "edited": "magenta", "rewrote": "yellow", "approved": "yellow"}


def show(console: Console, judgement: Judgement) -> None:
    """The verdict, what it was made on, and what every policy did."""
    command = judgement.command
    console.print(_headline(judgement))
    for request in judgement.held:
        console.print(f"  waits for   {_terms(request)}", soft_wrap=True)
    for error in judgement.errors:
        console.print(Text(f"  {place(error)}: {harmless(_message(error))}", "red"), soft_wrap=True)
    for name, value in facts_of(command).items():
        shown = value if isinstance(value, str) else ", ".join(value)
        console.print(f"  {name:<11} {one_line(shown)}", soft_wrap=True)
    if command.text != command.original_text:
        console.print(Text(f"  runs as     {one_line(command.text)}", "yellow"), soft_wrap=True)
    if command.trace:
        _show_trace(console, judgement)
    if judgement.refusal:
        console.print(Text(f"✗ no row passes: {one_line(judgement.refusal)}", "bold red"))
    if judgement.rows is not None:
        _show_rows(console, judgement.rows, judgement.before)


def _headline(judgement: Judgement) -> Text:
    verdict = judgement.verdict
    if judgement.held and verdict.passes:
        return Text("⏸ would hold, and run once approved", "bold yellow")
    if verdict.passes:
        return Text("✓ allowed", "bold green")
    headline = Text(f"✗ {verdict.outcome}", "bold red")
    headline.append(f"  {one_line(verdict.reason)}", "red")
    if verdict.addon:
        headline.append(f"  ({one_line(verdict.addon)})", "dim")
    return headline


def _terms(request: ApprovalRequest) -> str:
    who = f"{plural(request.count, 'person', 'people')} of {one_line(', '.join(sorted(request.by)))}"
    anybody = f"{plural(request.count, 'person', 'people')} other than the requester"
    reason = f": {one_line(request.reason)}" if request.reason else ""
    return (
        f"{who if request.by else anybody}, at most {length(request.within_s)}{reason}  ({one_line(request.policy)})"
    )


def _show_trace(console: Console, judgement: Judgement) -> None:
    shown = table("policy", "hook", "outcome", "µs", "why")
    for line in judgement.command.trace:
        outcome = line.outcome
        style = _TRACE_STYLES.get(outcome.removeprefix("would have "), "red")
        shown.add_row(
            one_line(line.addon), line.hook, Text(outcome, style), str(line.microseconds), one_line(line.reason)
        )
    console.print(shown)


def _show_rows(console: Console, rows: Rows, before: list[list[str | None]]) -> None:
    shown = table(*(one_line(column.name) for column in rows.columns))
    for was, row in zip(before, rows.cells, strict=True):
        shown.add_row(*(_cell(old, new) for old, new in zip(was, row, strict=True)))
    console.print(shown)
    console.print(f"  {plural(len(rows), 'row')}, {plural(len(_edited(rows, before)), 'cell')} changed")


def _cell(old: str | None, new: str | None) -> Text:
    text = Text("NULL", "italic dim") if new is None else Text(one_line(new))
    if old != new:
        text.stylize(_MASKED)
    return text


def _edited(rows: Rows, before: list[list[str | None]]) -> list[tuple[int, int]]:
    return [
        (number, position)
        for number, (was, row) in enumerate(zip(before, rows.cells, strict=True))
        for position, (old, new) in enumerate(zip(was, row, strict=True))
        if old != new
    ]


def _message(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def as_json(judgement: Judgement) -> dict[str, Any]:
    """What `--json` prints: one object per command."""
    command, verdict = judgement.command, judgement.verdict
    found: dict[str, Any] = {
        "command": command.original_text,
        "verdict": "held" if judgement.held and verdict.passes else str(verdict.outcome),
        "passes": judgement.passes and not judgement.held,
        "reason": verdict.reason if verdict.outcome is not Outcome.APPROVED else "",
        "policy": verdict.addon,
        "code": verdict.code,
        "facts": facts_of(command),
        "rewritten": command.text if command.text != command.original_text else None,
        "held": [
            {"by": sorted(r.by), "count": r.count, "within_s": r.within_s, "reason": r.reason, "policy": r.policy}
            for r in judgement.held
        ],
        "errors": [{"place": place(e), "message": _message(e)} for e in judgement.errors],
        "trace": [
            {"policy": t.addon, "hook": t.hook, "outcome": t.outcome, "reason": t.reason, "us": t.microseconds}
            for t in command.trace
        ],
    }
    if judgement.refusal:
        found["rows_refused"] = judgement.refusal
    if judgement.rows is not None:
        found["rows"] = {
            "columns": [column.name for column in judgement.rows.columns],
            "cells": judgement.rows.cells,
            "changed": _edited(judgement.rows, judgement.before),
        }
    return found
