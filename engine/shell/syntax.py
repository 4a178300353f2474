"""A command line as a tree: what the shell's grammar makes of it, before anything is expanded.

POSIX.1-2017, Shell Command Language, with what bash adds to it.
"""

from dataclasses import dataclass, field

from hoopaddon.errors import Unparsable


class Incomplete(Unparsable):
    """The line ends within a quote, a here-document or a compound command: a shell would wait for the next line."""


@dataclass(slots=True)
class Literal:
    """Text as it stands; `quoted` text is no pattern, no list in braces and no reserved word."""

    text: str
    quoted: bool = False


@dataclass(slots=True)
class Parameter:
    """`$name`, or `${name OPERATOR argument}`; `indirect` is `${!name}`, `length` is `${#name}`."""

    name: str
    quoted: bool
    operator: str = ""
    argument: "Word | None" = None
    indirect: bool = False
    length: bool = False
    index: "Word | None" = None


@dataclass(slots=True)
class Substitution:
    """`$(…)` and backticks (`kind` is `$`), `<(…)` and `>(…)`."""

    script: "Script"
    kind: str
    quoted: bool


@dataclass(slots=True)
class Arithmetic:
    """`$((…))`: its value is not computed here, what it substitutes is run."""

    word: "Word"


type Part = Literal | Parameter | Substitution | Arithmetic


@dataclass(slots=True)
class Word:
    """One word of the line."""

    parts: list[Part] = field(default_factory=list)

    @property
    def plain(self) -> str | None:
        """Its text where all of that is literal and nothing quoted: only such a word can be a reserved one."""
        if len(self.parts) == 1:
            part = self.parts[0]
            if isinstance(part, Literal) and not part.quoted:
                return part.text
        return None


@dataclass(slots=True)
class Assignment:
    """`name=value`, `name+=value`, `name[index]=value`, `name=(item …)`."""

    name: str
    value: Word
    items: "list[Word] | None" = None
    append: bool = False
    index: Word | None = None


@dataclass(slots=True)
class Redirect:
    """`operator target`; of a here-document, `target` is its body."""

    operator: str
    target: Word


@dataclass(slots=True)
class Simple:
    """Assignments, then words, with redirections anywhere between them."""

    assignments: list[Assignment] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """What stands between `(` and `)`, which runs in a shell of its own, or between `{` and `}`."""

    script: "Script"
    subshell: bool
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Branches:
    """`if` and `case`: `words` are expanded, `always` is run, of `scripts` any may be."""

    always: "Script"
    scripts: "list[Script]"
    words: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Loop:
    """`while`, `until`, `for`, `select`. `values` is None where the loop takes the positional parameters."""

    script: "Script"
    variable: str = ""
    values: list[Word] | None = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Function:
    """A function's definition."""

    name: str
    body: "Command"
    redirects: list[Redirect] = field(default_factory=list)


@dataclass(slots=True)
class Condition:
    """`[[ … ]]` and `((…))`: nothing runs but what their words substitute, and what `numbers` evaluate to.

    `instead` is what a shell without `((…))` reads there: a subshell in a subshell.
    """

    words: list[Word]
    numbers: list[Word] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    instead: "Script | None" = None


type Command = Simple | Block | Branches | Loop | Function | Condition


@dataclass(slots=True)
class Pipeline:
    """Commands joined by `|`; `timed` and `negated` say what stands before them."""

    commands: list[Command]
    timed: bool = False


@dataclass(slots=True)
class Item:
    """Pipelines joined by `&&` and `||`, which are the operators."""

    pipelines: list[Pipeline]
    operators: list[str] = field(default_factory=list)
    background: bool = False


@dataclass(slots=True)
class Script:
    """Items one after the other."""

    items: list[Item] = field(default_factory=list)
