"""Which COPY a statement runs, and so how its data is read."""

from pglast import ast

from hoopaddon.adapters.postgres.protocol.codec import Reader
from hoopaddon.adapters.postgres.session.link import Link
from hoopaddon.adapters.postgres.sql.command import PostgresQuery
from hoopaddon.adapters.postgres.values.copy_data import CopyReader
from hoopaddon.adapters.postgres.values.copy_format import copy_columns, copy_format
from hoopaddon.errors import HoopaddonError, Unparsable


def copy_reader(command: PostgresQuery, payload: bytes, link: Link) -> CopyReader:
    """A reader for the data that follows this CopyOutResponse.

    Raises `HoopaddonError` where the text does not tell which COPY it belongs to; then nobody can mask it.
    """
    reader = Reader("server", payload)
    reader.byte()
    count = reader.count()
    statements = _copies_out(command)
    if len(statements) != 1:
        raise HoopaddonError("policies cannot read this COPY's data: send one COPY … TO STDOUT in a string")
    columns = copy_columns(statements[0], count, link.catalogue.tables)
    types = [link.catalogue.type_of(column) for column in columns]
    return CopyReader(copy_format(statements[0], link.encoding), columns, types)


def _copies_out(command: PostgresQuery) -> list[ast.CopyStmt]:
    try:
        tree = command.parsed
    except Unparsable:
        return []
    copies = (raw.stmt for raw in tree if isinstance(raw.stmt, ast.CopyStmt))
    return [copy for copy in copies if not copy.is_from and copy.filename is None]
