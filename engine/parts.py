"""What commands are made of, as policies see it: the statements of SQL, the programs of a command line."""

from collections.abc import Mapping
from typing import Protocol


class SqlStatement(Protocol):
    """What is known of one statement, wherever in a command's text it stands.

    Names are as written and folded as the target folds them, `schema.name` where a schema is given; a part that
    contains a dot or a quote stands in double quotes.
    """

    @property
    def verb(self) -> str:
        """In lower case: `select`, `drop`, `security label` …"""

    @property
    def kind(self) -> str:
        """What DDL is about: `table`, `role`, `materialized view`, `default privileges`, `system` …"""

    @property
    def tables(self) -> frozenset[str]:
        """Tables, views and sequences named, without the names of CTEs."""

    @property
    def writes(self) -> frozenset[str]:
        """Those of them that the statement changes."""

    @property
    def objects(self) -> frozenset[str]:
        """The tables, and other named things: a schema, an extension, a function that is dropped …"""

    @property
    def functions(self) -> frozenset[str]:
        """Functions called, and those that DDL ties to something; by bare and qualified name."""

    @property
    def attributes(self) -> frozenset[str]:
        """Names after a dot, `t.name`: where there is no such column, PostgreSQL calls a function of that name."""

    @property
    def roles(self) -> frozenset[str]:
        """Roles named."""

    @property
    def settings(self) -> Mapping[str, str | None]:
        """Settings changed, each with the constant it becomes; None where that is not known before it runs."""

    @property
    def clauses(self) -> frozenset[str]:
        """Parts that change what it does: `drop column`, `program`, `cascade`, a privilege, an option's name …"""

    @property
    def every_row(self) -> bool:
        """UPDATE or DELETE whose condition, if it has one, does not depend on the row."""

    @property
    def dynamic(self) -> bool:
        """It runs SQL that it computes, or that is not known here."""

    @property
    def opaque(self) -> bool:
        """It holds code that cannot be read: another language, or text that does not parse."""

    @property
    def explained(self) -> bool:
        """Only planned, by an EXPLAIN without ANALYZE."""


class ShellProgram(Protocol):
    """One program that a command line runs, wherever in it: in a pipe, under `sudo`, in `$(…)`, in `sh -c` …"""

    @property
    def name(self) -> str:
        """What runs, without its folder: `rm`; empty where that is computed."""

    @property
    def words(self) -> tuple[str | None, ...]:
        """Its arguments with the quoting taken off; None for one that is computed when it runs.

        Of one that is computed in part, `…` stands for that part. Patterns for file names are as written.
        """

    @property
    def reads(self) -> frozenset[str]:
        """Files that it is given by `<`."""

    @property
    def writes(self) -> frozenset[str]:
        """Files that `>`, `>>` and their like make it write."""

    @property
    def fed_by(self) -> tuple[str, ...]:
        """The programs that write what it reads through a pipe, the nearest last."""

    @property
    def dynamic(self) -> bool:
        """What it is, or a word of it, is computed: by a variable, a substitution, a pattern for file names."""

    @property
    def opaque(self) -> bool:
        """It runs code that cannot be read here: another language, a file, what comes through a pipe."""

    @property
    def code(self) -> str:
        """Where that code is: `argument`, `file`, `pipe`, `input` (what the client sends after the line).

        `itself` is a function that calls itself in the background or in a pipe, and `unsure` what a terminal may run
        beside the line that is known; empty where nothing is opaque.
        """

    @property
    def sets(self) -> Mapping[str, str | None]:
        """Variables set for it, as by `A=b rm`; None where the value is computed.

        A line that only sets variables, or only opens files, is shown as the program `:`, which does no more.
        """

    @property
    def folder(self) -> str:
        """Where it runs if the line says so, as by `cd /etc && …`; `…` where that is computed, else empty."""

    @property
    def path(self) -> str:
        """The name as the line has it, with its folder; empty for what stands for no word of it."""
