"""The rows of `--rows`: a CSV file, its header the columns."""

import csv
import io
from pathlib import Path

from hoopaddon.cli.try_gateway import Sample
from hoopaddon.errors import ConfigError
from hoopaddon.testing.events import column

NULL = r"\N"
MAX_BYTES = 64 * 1024 * 1024


def read_rows(path: str) -> Sample:
    r"""Columns are `name` or `name:type`, a cell `\N` is NULL. Raises ConfigError."""
    file = Path(path).expanduser()
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ConfigError(f"longer than {MAX_BYTES // 2**20} MiB", file=path, hint="a few rows are enough here")
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as e:
        raise ConfigError(f"cannot read the rows: {e.strerror}", file=path) from None
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8", file=path) from None
    # newline="" leaves line breaks inside a quoted cell as they are.
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        return _sample(path, [(lines.line_num, row) for row in lines if row])
    except csv.Error as e:
        raise ConfigError(f"not CSV: {e}", file=path, line=lines.line_num) from None


def _sample(path: str, lines: list[tuple[int, list[str]]]) -> Sample:
    if not lines:
        raise ConfigError("no column names in the first line", file=path, line=1, hint="for example id:int4,email")
    header = lines[0][1]
    cells: list[list[str | None]] = []
    for number, row in lines[1:]:
        if len(row) != len(header):
            raise ConfigError(f"{len(row)} cells, and there are {len(header)} columns", file=path, line=number)
        cells.append([None if cell == NULL else cell for cell in row])
    return Sample([column(name) for name in header], cells)
