"""What the commands share by which people see and answer what somebody asks for."""

import argparse
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import NoReturn, Protocol

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hoopaddon.cli.place import Place, add_place
from hoopaddon.cli.terminal import joined, one_line, plural, print_error
from hoopaddon.errors import ConfigError, HoopaddonError
from hoopaddon.store.approvals import Answer, NotCounted
from hoopaddon.store.database import SharedDatabase
from hoopaddon.store.layout import Layout
from hoopaddon.store.person import Person

POLL_S = 0.2


class Asked(Protocol):
    """A request as it is kept: of a command, or of access."""

    @property
    def id(self) -> str: ...
    @property
    def created(self) -> float: ...
    @property
    def needed(self) -> int: ...
    @property
    def approvers(self) -> list[str]: ...
    @property
    def answers(self) -> Sequence[Answer]: ...


def run[Kept: SharedDatabase](program: str, args: argparse.Namespace, open_kept: Callable[[Layout], Kept]) -> int:
    """Do what `args.run` is, with what is kept in the gateway's store; the exit code."""
    command: Callable[[argparse.Namespace, Kept], int] = args.run
    try:
        args.place = Place.of(args)
        layout: Layout = args.place.layout
        if not layout.folder.is_dir():
            raise ConfigError("there is no store there", file=str(layout.folder), hint="name it with --store DIR")
        kept = open_kept(layout)
        try:
            return command(args, kept)
        finally:
            kept.close()
    except NotCounted as e:
        print_error(program, e)
        return 1
    except HoopaddonError as e:
        print_error(program, e)
        return 2
    except KeyboardInterrupt:
        return 0


# -- arguments


def common() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(add_help=False)
    add_place(made)
    made.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return made


def one(what: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("id", metavar="ID", help=f"the {what}'s id, or the beginning of it")
    return made


def who() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--token-file", metavar="FILE", help="the token that says who you are")
    return made


def why() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(add_help=False)
    made.add_argument("--reason", default="", metavar="TEXT", help="why; who asked sees it")
    return made


# -- what is said of them


def only[Kind: Asked](found: Sequence[Kind], beginning: str, none: str) -> Kind:
    """The one that an id's beginning means. Raises `NotCounted`, with `none` where there is none."""
    if not found:
        raise NotCounted(none)
    if len(found) > 1:
        raise NotCounted(f"several ids begin with {one_line(beginning)}: {joined(each.id for each in found)}")
    return found[0]


def answered(asked: Asked, person: Person, *, approve: bool) -> str:
    """What an answer has come to."""
    missing = asked.needed - sum(answer.approved for answer in asked.answers)
    waits = f"; {plural(missing, 'more approval is', 'more approvals are')} needed" if approve and missing > 0 else ""
    return f"{'approved' if approve else 'denied'} {asked.id} as {one_line(person.name)} ({person.via}){waits}"


def who_answers(asked: Asked) -> str:
    by = f" of {' or '.join(asked.approvers)}" if asked.approvers else ""
    return one_line(f"{plural(asked.needed, 'person', 'people')}{by}; the requester cannot")


def names_of(asked: Asked) -> str:
    """Those who have answered."""
    return joined(answer.approver for answer in asked.answers)


def grid() -> Table:
    """Names and what they stand for, in a card."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    return made


def add_answers(made: Table, asked: Asked) -> None:
    for answer in asked.answers:
        said = f"{'yes' if answer.approved else 'no'} from {answer.approver} ({answer.via})"
        made.add_row("answer", one_line(said + (f": {answer.reason}" if answer.reason else "")))


def card(made: Table, title: Text, style: str) -> Panel:
    return Panel(made, title=title, title_align="left", border_style=style)


def watch[Kind: Asked](
    look: Callable[[Collection[str]], Iterable[Kind]],
    state: Callable[[Kind], Hashable],
    tell: Callable[[Kind, bool], None],
) -> NoReturn:
    """Tell of each one when it comes and when its state is another, until Ctrl-C.

    `look` is given the ids of those that were told of; `tell` whether this one is new.
    """
    told: dict[str, Hashable] = {}
    while True:
        found = {each.id: each for each in look(told)}
        for each in sorted(found.values(), key=lambda each: each.created):
            if told.get(each.id) != (now := state(each)):
                tell(each, each.id not in told)
                told[each.id] = now
        told = {id: now for id, now in told.items() if id in found}
        time.sleep(POLL_S)
