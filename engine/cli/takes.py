"""What of a session can be played: each terminal by itself, and what programs without one printed, in order."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hoopaddon.cli.show import events
from hoopaddon.cli.terminal import harmless, one_line
from hoopaddon.errors import HoopaddonError
from hoopaddon.store.events import integer, number, text
from hoopaddon.store.streams import RESIZE, STREAMED, TERMINAL, bytes_of, size_of

DEFAULT_SIZE = (80, 24)
_SHELL = "ssh_shell"
_REFUSALS = frozenset({"refused", "denied", "failed"})


class NothingToPlay(HoopaddonError):
    """The session has no such terminal, or nothing that streamed."""


@dataclass(slots=True)
class Take:
    """A part of a session that plays as one: a terminal, or all that programs printed without one."""

    terminal: int = 0
    """The number of the terminal's command; 0 for the programs."""
    title: str = ""
    began: float = 0.0
    ended: float = 0.0
    size: tuple[int, int] = DEFAULT_SIZE
    term: str = ""

    @property
    def seconds(self) -> float:
        return max(self.ended - self.began, 0.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """At `at_s` seconds from the take's beginning, this text appeared, or the terminal got this size."""

    at_s: float
    text: str = ""
    size: tuple[int, int] | None = None


@dataclass(slots=True)
class _Seen:
    """The takes of one session as far as it has been read."""

    programs: Take = field(default_factory=Take)
    terminals: dict[int, Take] = field(default_factory=dict)
    running: dict[int, dict[str, Any]] = field(default_factory=dict)

    def add(self, found: dict[str, Any]) -> None:
        position, at = integer(found.get("command")) or 0, number(found.get("at")) or 0.0
        kind = found.get("kind")
        match found.get("type"):
            case "command" if found.get("kind") == _SHELL:
                self._terminal(position, found, at)
            case "command":
                self.running[position] = found
            case "output" if kind in (TERMINAL, RESIZE):
                take = self.terminals.get(position) or self._terminal(position, self.running.get(position, found), at)
                if kind == RESIZE and take.ended == take.began and (size := size_of(text(found.get("text")))):
                    take.size = size
                elif kind == TERMINAL:
                    take.ended = at
            case "output" if kind in STREAMED:
                self.programs.began = self.programs.began or at
                self.programs.ended = at
            case "command_end":
                self.running.pop(position, None)

    def _terminal(self, position: int, asked: dict[str, Any], at: float) -> Take:
        began = number(asked.get("at")) or at
        take = Take(position, one_line(text(asked.get("text")), 60), began, began)
        said = asked.get("parameters")
        if isinstance(said, list) and len(said) >= 3 and asked.get("kind") == _SHELL:
            take.term = one_line(text(said[0]), 40)
            take.size = size_of(f"{text(said[1])}x{text(said[2])}") or take.size
        self.terminals[position] = take
        return take


def choose(path: Path, wanted: int = 0) -> tuple[Take, list[Take]]:
    """The take to play, and all terminals that there are. `wanted` is a terminal's number. Raises `NothingToPlay`."""
    seen = _Seen()
    for found in events(path):
        seen.add(found)
    terminals = [take for _, take in sorted(seen.terminals.items())]
    if wanted:
        if wanted not in seen.terminals:
            there = ", ".join(str(take.terminal) for take in terminals) or "none"
            raise NothingToPlay(f"there is no terminal {wanted} in this session; terminals: {there}")
        return seen.terminals[wanted], terminals
    shown = [take for take in terminals if take.ended > take.began]
    if shown or terminals:
        return (shown or terminals)[0], terminals
    if not seen.programs.ended:
        raise NothingToPlay("nothing in this session went to a terminal; see it with `hoopaddon sessions show`")
    return seen.programs, terminals


def frames(path: Path, take: Take) -> Iterator[Frame]:
    """The take from its beginning, as it came."""
    reading = _Reading(take)
    for found in events(path):
        yield from reading.frames(found)


class _Reading:
    def __init__(self, take: Take) -> None:
        self._take = take
        self._decoders: dict[tuple[int, str], codecs.IncrementalDecoder] = {}
        self._programs: set[int] = set()

    def frames(self, found: dict[str, Any]) -> Iterator[Frame]:
        position, kind = integer(found.get("command")) or 0, text(found.get("kind"))
        at_s = max((number(found.get("at")) or 0.0) - self._take.began, 0.0)
        mine = position == self._take.terminal if self._take.terminal else kind not in (TERMINAL, RESIZE)
        match found.get("type"):
            case "output" if mine and kind == RESIZE:
                if size := size_of(text(found.get("text"))):
                    yield Frame(at_s, size=size)
            case "output" if mine and kind in STREAMED:
                if shown := self._decoded(position, kind, bytes_of(found)):
                    yield Frame(at_s, shown)
            case "cut" if mine:
                yield Frame(at_s, _note("the rest was not recorded: it is beyond the limit"))
            case "lost":
                yield Frame(at_s, _note("something here could not be recorded"))
            case "command" if not self._take.terminal and kind != _SHELL:
                yield Frame(at_s, _asked(text(found.get("text"))))
            case "command_end":
                yield from self._ended(position, found, at_s)

    def _decoded(self, position: int, kind: str, data: bytes) -> str:
        decoder = self._decoders.get((position, kind))
        if decoder is None:
            decoder = self._decoders[position, kind] = codecs.getincrementaldecoder("utf-8")("replace")
        shown = decoder.decode(data)
        return shown if kind == TERMINAL else shown.replace("\r\n", "\n").replace("\n", "\r\n")

    def _ended(self, position: int, found: dict[str, Any], at_s: float) -> Iterator[Frame]:
        for key in [key for key in self._decoders if key[0] == position]:
            if left := self._decoders.pop(key).decode(b"", True):
                yield Frame(at_s, left)
        if text(found.get("verdict")) in _REFUSALS and "text" in found and not self._take.terminal:
            yield Frame(at_s, _asked(text(found["text"])))
            yield Frame(at_s, _note(f"{one_line(text(found.get('reason')))} ({one_line(text(found.get('addon')))})"))


def _asked(line: str) -> str:
    return f"\x1b[1m$ {harmless(line)}\x1b[0m".replace("\n", "\r\n") + "\r\n"


def _note(said: str) -> str:
    return f"\x1b[0;7m hoopaddon: {said} \x1b[0m\r\n"
