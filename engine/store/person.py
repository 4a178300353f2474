"""Who answers, by name: the spellings that are one person."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

REASON_LIMIT_CHARS = 500


@dataclass(frozen=True, slots=True)
class Person:
    """Who answers. `via` says what proves it: a `token`, or the `operating system`."""

    name: str
    groups: frozenset[str]
    via: Literal["token", "operating system"]
    names: frozenset[str] = frozenset()
    """Other names of theirs."""
    agent: str = ""
    """Who acts for them; then it is no person who answers."""


def fold(name: str) -> str:
    """A name in the form in which two spellings of it are equal."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def same_person(one: str, other: str) -> bool:
    return fold(one) == fold(other)


def is_same_requester(requester: str, person: Person, names: Iterable[str] = ()) -> bool:
    """Whether this person is, or may be, the one who asked; `names` are of all that stand behind the question."""
    behind = {fold(name) for name in (requester, *names)}
    if behind & {fold(name) for name in (person.name, *person.names)}:
        return True
    # The account `ada` is taken for ada@example.com: better one refused too many.
    accounts = {name.partition("@")[0] for name in behind}
    return person.via == "operating system" and fold(person.name) in accounts


def one_line(reason: str) -> str:
    """A reason as it may stand in an error message: it goes to the client."""
    return "".join(char for char in " ".join(reason.split()) if char.isprintable())[:REASON_LIMIT_CHARS]
