"""Which COPY a statement runs, and so how its data is read."""

from collections.abc import Iterator

import pglast
from pglast import ast

from hoopaddon.adapters.postgres.codec import Reader
from hoopaddon.adapters.postgres.copy_data import CopyReader
from hoopaddon.adapters.postgres.copy_format import copy_columns, copy_format
from hoopaddon.adapters.postgres.link import Link
from hoopaddon.command import Command
from hoopaddon.errors import HoopaddonError


def copy_reader(command: Command, payload: bytes, link: Link) -> CopyReader:
    """A reader for the data that follows this CopyOutResponse.

    Raises `HoopaddonError` where the text does not tell which COPY it belongs to; then nobody can mask it.
    """
    reader = Reader("server", payload)
    reader.byte()
    count = reader.count()
    statements = list(_copies_out(command.text))
    if len(statements) != 1:
        raise HoopaddonError("policies cannot read this COPY's data: send one COPY … TO STDOUT in a string")
    columns = copy_columns(statements[0], count, link.catalogue.tables)
    types = [link.catalogue.type_of(column) for column in columns]
    return CopyReader(copy_format(statements[0], link.encoding), columns, types)


def _copies_out(text: str) -> Iterator[ast.CopyStmt]:
    try:
        tree = pglast.parse_sql(text)
    except pglast.parser.ParseError:
        return
    for raw in tree:
        if isinstance(raw.stmt, ast.CopyStmt) and not raw.stmt.is_from and raw.stmt.filename is None:
            yield raw.stmt
