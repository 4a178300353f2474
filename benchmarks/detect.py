"""What detection costs, and how often the prefilter looks twice for nothing.

    python -m benchmarks.detect

Speeds are the best of several runs of one page of 600 rows. A scan stops at the first hit, so its speed is shown
only for pages without one; a page counts as hit where a single row of it does.
"""

import random
import timeit
import uuid
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from hoopaddon import Column, Rows
from hoopaddon.addons.mask_pii import MaskPII
from hoopaddon.detect import Finder, Prefilter
from hoopaddon.testing import Bench, command

PAGE_ROWS = 600
PAGES = 40
RUNS = 15

type Row = list[str | None]
type Maker = Callable[[int], Row]

_random = random.Random(1)


def _account(n: int) -> Row:
    """A row of pgbench_accounts."""
    return [str(n), "1", "0", " " * 84]


def _order(n: int) -> Row:
    moment = f"2026-03-{n % 28 + 1:02} 10:{n % 60:02}:11.{_random.randrange(10**6):06}+00"
    return [str(1_000_000 + n), "desk lamp", moment, f"{n % 1000}.50", "shipped", "Willow Armstrong"]


TABLES: dict[str, Maker] = {
    "pgbench_accounts": _account,
    "orders": _order,
    "names and words": lambda n: [str(n), f"Willow Armstrong {n}", "prefers a call in the afternoon"],
    "uuids": lambda n: [str(uuid.UUID(int=_random.getrandbits(128), version=4))],
    "md5": lambda n: [_random.randbytes(16).hex()],
    "float8": lambda n: [str(n), repr(_random.random())],
    "random int8": lambda n: [str(_random.getrandbits(63))],
    "epoch milliseconds": lambda n: [str(1_700_000_000_000 + _random.randrange(10**10))],
    "one e-mail a row": lambda n: [str(n), f"ann.example{n}@corp{n % 7}.example.com", "2026-03-01"],
    "five entities a row": lambda n: [
        f"a{n}@example.com",
        "4111 1111 1111 1111",
        f"+49 170 {n:07}",
        f"203.0.113.{n % 250 + 1}",
        f'{{"mail": "a{n}@example.com"}}',
    ],
}


def page(maker: Maker, number: int) -> Rows:
    first = number * PAGE_ROWS
    cells = [maker(n) for n in range(first, first + PAGE_ROWS)]
    columns = tuple(Column(f"c{n}") for n in range(len(cells[0])))
    return Rows(command("SELECT 1"), columns, cells)


def best_us(action: Callable[[], object], calls: int = 1) -> float:
    return min(timeit.repeat(action, number=calls, repeat=RUNS)) / calls * 1e6


def main() -> None:
    prefilter, finder = Prefilter(), Finder()
    table = Table(title="Detection of all entities")
    for heading in ("table", "MB/s", "pages hit", "cells found", "µs/row masked"):
        table.add_column(heading, justify="left" if heading == "table" else "right", no_wrap=True)
    with Bench(MaskPII()) as bench:
        for name, maker in TABLES.items():
            pages = [page(maker, number) for number in range(PAGES)]
            haystacks = [rows.haystack for rows in pages]
            hits = sum(map(prefilter.hit, haystacks))
            cells = [cell for rows in pages[:5] for row in rows.cells for cell in row if cell]
            found = sum(bool(finder.find(cell)) for cell in cells)
            scan_us = best_us(lambda h=haystacks[0]: prefilter.hit(h), 20)  # type: ignore[misc]
            edits = iter(pages)
            edit_us = best_us(lambda it=edits: bench.rows(next(it)))  # type: ignore[misc]
            table.add_row(
                name,
                f"{len(haystacks[0]) / scan_us:.0f}" if hits == 0 else "",
                f"{hits / PAGES:.0%}",
                f"{found / len(cells):.2%}",
                f"{edit_us / PAGE_ROWS:.2f}",
            )
    Console().print(table)
    small = b"D\0\0\0\x70\0\x04" + b"12345\0\0\0\x0111" + b" " * 84
    Console().print(f"one row of {len(small)} bytes: {best_us(lambda: prefilter.hit(small), 10_000):.2f} µs")


if __name__ == "__main__":
    main()
