"""The suite itself: an adapter says how its target is asked, and inherits every test.

A command of the suite is one of the words of `Word`; the adapter translates it to its protocol. The gateway runs
`POLICY`, a script on the public contract alone, that knows nothing of any protocol.
"""

import json
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

import pytest

from tests.conformance.cutter import NEVER, Cutter
from tests.servers.gateway import Gateway

WITHIN_S = 10
SECRET = "ann.example@example.com"
MASK = "[masked]"
REASON = "the suite says no"

POLICY = '''
"""Refuses, holds, masks and breaks where a command has a word for it, whatever its protocol."""

import asyncio
import json
from collections.abc import Awaitable
from pathlib import Path

from hoopaddon import Command, Output, Refused, Rows, ctx

SECRET, MASK = "ann.example@example.com", "[masked]"


def command(command: Command) -> Awaitable[None] | None:
    note("judged", command)
    if "refuseme" in command.text:
        raise Refused("the suite says no")
    if "breakme" in command.text:
        raise KeyError("secret-of-the-suite")
    if "holdme" in command.text:
        return command.approve("the suite asks", within_s=2)
    return None


def rows(rows: Rows) -> None:
    for column in range(len(rows.columns)):
        for row, text in enumerate(rows.texts(column)):
            if text and SECRET in text:
                rows.replace(row, column, text.replace(SECRET, MASK))


def output(output: Output) -> None:
    output.text = output.text.replace(SECRET, MASK)


def command_end(command: Command) -> None:
    note("ended", command)


def note(what: str, command: Command) -> None:
    with (Path(ctx.options.confdir) / "notes.jsonl").open("a") as notes:
        said = [what, command.session.id, command.number, command.text, str(command.verdict.outcome)]
        notes.write(json.dumps(said) + "\\n")
'''


class Word(StrEnum):
    """What the suite asks of a target."""

    HARMLESS = "harmless"
    """Answers with the text `fine`."""
    SECRET = "secret"
    """Answers with `SECRET`, from the target's own data."""
    REFUSED = "refuseme"
    BROKEN = "breakme"
    HELD = "holdme"
    LARGE = "large"
    """Answers with many megabytes."""


class RefusedByGateway(Exception):
    """What a client makes of the protocol's own refusal; the message has the reason."""


class Client(ABC):
    """A real client of the protocol."""

    @abstractmethod
    def ask(self, command: str) -> str:
        """The answer as text. Raises `RefusedByGateway`, or `OSError` where the connection is gone."""

    @abstractmethod
    def close(self) -> None:
        """Leave without a word."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the policy's notes."""

    what: str
    session: str
    number: int
    text: str
    outcome: str


class Conformance(ABC):
    """Inherit, and supply what is abstract and two fixtures: `gateway`, which runs `POLICY` and `record.py`, and
    `fragile`, the same with its target behind a `Cutter`."""

    answered_bytes: ClassVar[int] = 1500
    """About how many bytes a target answers to an exchange."""

    # -- what an adapter supplies

    @abstractmethod
    def command(self, word: Word, mark: str = "") -> str:
        """The command for a word; `mark` stands in it, so that it can be found again."""

    @abstractmethod
    def connect(self, port: int) -> Client:
        """A client that is logged in. Raises `OSError` when it is not let in."""

    @abstractmethod
    def arrived(self, text: str) -> bool:
        """Whether the target's own log has a command with this text."""

    @abstractmethod
    def exchanges(self) -> dict[str, bytes]:
        """What a raw client sends, login included, for each exchange of the protocol worth cutting anywhere."""

    @abstractmethod
    def raw(self, port: int, sent: bytes) -> bytes:
        """Send these bytes and return all that comes back until the connection ends or nothing more comes."""

    @abstractmethod
    def nonsense(self) -> list[bytes]:
        """Bytes that no client may send, after a login."""

    @abstractmethod
    def lazily(self, port: int) -> Callable[[], None]:
        """Ask for `Word.LARGE` and do not read the answer; the result hangs up."""

    # -- helpers

    def client(self, gateway: Gateway) -> AbstractContextManager[Client]:
        return closing(self.connect(gateway.port))

    def notes(self, gateway: Gateway, containing: str = "") -> list[Note]:
        path = gateway.confdir / "notes.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [note for note in (Note(*json.loads(line)) for line in lines) if containing in note.text]

    def is_well(self, gateway: Gateway) -> None:
        """The gateway serves, and every command that was judged has ended, once."""
        with self.client(gateway) as client:
            assert "fine" in client.ask(self.command(Word.HARMLESS))
        eventually(lambda: not self.open_commands(gateway))

    def open_commands(self, gateway: Gateway) -> set[tuple[str, int]]:
        notes = self.notes(gateway)
        ended = [(note.session, note.number) for note in notes if note.what == "ended"]
        assert len(set(ended)) == len(ended)
        return {(note.session, note.number) for note in notes} - set(ended)

    # -- refuse

    def test_what_is_refused_never_arrives_and_the_session_goes_on(self, gateway: Gateway) -> None:
        with self.client(gateway) as client:
            with pytest.raises(RefusedByGateway, match=REASON):
                client.ask(self.command(Word.REFUSED, "never-arrives"))
            assert "fine" in client.ask(self.command(Word.HARMLESS, "does-arrive"))
        assert self.arrived("does-arrive")
        assert not self.arrived("never-arrives")
        assert {note.outcome for note in self.notes(gateway, "never-arrives") if note.what == "ended"} == {"refused"}

    def test_a_policy_that_breaks_refuses_and_says_nothing(self, gateway: Gateway) -> None:
        with self.client(gateway) as client:
            with pytest.raises(RefusedByGateway) as caught:
                client.ask(self.command(Word.BROKEN, "never-broken"))
            assert "fine" in client.ask(self.command(Word.HARMLESS))
        assert "secret-of-the-suite" not in str(caught.value)
        assert not self.arrived("never-broken")

    # -- mask

    def test_what_is_masked_never_arrives(self, gateway: Gateway) -> None:
        with self.client(gateway) as client:
            answer = client.ask(self.command(Word.SECRET))
            assert MASK in answer
            assert SECRET not in answer

    # -- hold

    def test_what_nobody_approves_is_denied(self, gateway: Gateway) -> None:
        with self.client(gateway) as client:
            began = time.monotonic()
            with pytest.raises(RefusedByGateway):
                client.ask(self.command(Word.HELD, "never-held"))
            assert time.monotonic() - began > 1
            assert "fine" in client.ask(self.command(Word.HARMLESS))
        assert not self.arrived("never-held")

    # -- record

    def test_everything_is_recorded_as_the_client_saw_it(self, gateway: Gateway) -> None:
        with self.client(gateway) as client:
            client.ask(self.command(Word.SECRET, "seen-masked"))
            with pytest.raises(RefusedByGateway):
                client.ask(self.command(Word.REFUSED, "seen-refused"))
        eventually(lambda: {"seen-masked", "seen-refused"} <= set(re.findall(r"seen-\w+", recorded(gateway))))
        assert SECRET not in recorded(gateway)
        assert MASK in recorded(gateway)

    # -- bad bytes, and who hangs up

    def test_nonsense_harms_nobody_else(self, gateway: Gateway) -> None:
        with self.client(gateway) as bystander:
            for bytes_ in self.nonsense():
                self.raw(gateway.port, bytes_)
            assert "fine" in bystander.ask(self.command(Word.HARMLESS))
        self.is_well(gateway)

    def test_a_client_may_hang_up_anywhere(self, gateway: Gateway) -> None:
        with Cutter(gateway.port) as wire:
            for name, sent in self.exchanges().items():
                for length in places(len(sent)):
                    wire.after_sent, wire.reset = length, bool(length % 2)
                    received = self.raw(wire.port, sent)
                    assert SECRET.encode() not in received, (name, length)
        self.is_well(gateway)
        assert not self.arrived(Word.REFUSED)

    def test_a_target_may_hang_up_anywhere(self, fragile: tuple[Gateway, Cutter]) -> None:
        gateway, wire = fragile
        for name, sent in self.exchanges().items():
            for length in places(self.answered_bytes):
                wire.after_received, wire.reset = length, bool(length % 2)
                received = self.raw(gateway.port, sent)
                assert SECRET.encode() not in received, (name, length)
        wire.after_received = NEVER
        self.is_well(gateway)
        assert not self.arrived(Word.REFUSED)

    # -- memory

    def test_a_client_that_does_not_read_costs_no_memory(self, gateway: Gateway) -> None:
        with self.client(gateway) as client:
            client.ask(self.command(Word.HARMLESS))
        before = resident_bytes(gateway.pid)
        lazy = [self.lazily(gateway.port) for _ in range(4)]
        time.sleep(1)
        after = resident_bytes(gateway.pid)
        for close in lazy:
            close()
        assert after - before < 64 << 20
        self.is_well(gateway)


@contextmanager
def closing(client: Client) -> Iterator[Client]:
    try:
        yield client
    finally:
        client.close()


def places(length: int, most: int = 100) -> list[int]:
    """Where to cut: everywhere, or evenly spread where that would be too often."""
    step = max(1, length // most)
    return [*range(1, length, step), length]


def eventually(check: Callable[[], object], within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def recorded(gateway: Gateway) -> str:
    """All session files, as text."""
    files = sorted(gateway.confdir.rglob("*.jsonl"))
    return "\n".join(path.read_text(errors="replace") for path in files if path.name != "notes.jsonl")


def resident_bytes(pid: int) -> int:
    """The memory of a process that is really there (Linux)."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
