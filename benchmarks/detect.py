"""What detection costs, and how often the prefilter looks twice for nothing.

    python -m benchmarks.detect

Speeds are the best of several runs of one page of 600 rows. A scan stops at the first hit, so its speed is shown
only for pages without one; a page counts as hit where a single row of it does. Streams are given in pieces as an SSH
channel brings them; what it takes to cut them into lines is not part of this.
"""

import random
import timeit
import uuid
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from hoopaddon import Column, Output, Rows
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


def _listing(n: int) -> str:
    return f"-rw-r--r-- 1 root root {n * 37 % 90_000:>8} Mar {n % 28 + 1:>2} 10:{n % 60:02} report-{n}.csv"


def _logged(n: int) -> str:
    return f'10.0.{n % 256}.{n % 250} - - [01/Mar/2026:10:00:{n % 60:02}] "GET /orders/{n} HTTP/1.1" 200 {n % 9000}'


STREAMS: dict[str, tuple[str, Callable[[int], str]]] = {
    "ls -l": ("stdout", _listing),
    "build log": ("stdout", lambda n: f"[{n % 900}/900] Compiling src/module_{n % 77}/part_{n}.c to part_{n}.o"),
    "access log": ("stdout", _logged),
    "JSON lines": ("stdout", lambda n: f'{{"id": {n}, "name": "Willow Armstrong", "note": "call \\"later\\""}}'),
    "one e-mail a line": ("stdout", lambda n: f"{n} ann.example{n}@corp{n % 7}.example.com"),
    "ls --color": ("terminal", lambda n: f"\x1b[0m\x1b[01;34mfolder-{n}\x1b[0m  \x1b[01;32mscript-{n}.sh\x1b[0m\r"),
    "screen of a program": (
        "terminal",
        lambda n: f"\x1b[{n % 24 + 1};1H\x1b[K{n:>6} root  20   0  {n % 97}.{n % 10}  sshd",
    ),
    "one e-mail a line, coloured": ("terminal", lambda n: f"\x1b[32mann{n}\x1b[0m@corp{n % 7}.example.com\r"),
}
PIECE_BYTES = 32 * 1024


def pieces(maker: Callable[[int], str]) -> list[str]:
    """`PAGES` runs of whole lines, each about as long as one packet of a channel."""
    made, number = [], 0
    for _ in range(PAGES):
        lines: list[str] = []
        size = 0
        while size < PIECE_BYTES:
            lines.append(maker(number))
            size += len(lines[-1]) + 1
            number += 1
        made.append("\n".join([*lines, ""]))
    return made


def streams() -> Table:
    """What the mask makes of text that streams, by kind."""
    table = Table(title="Detection of all entities in what streams")
    for heading in ("text", "kind", "MB/s", "µs/piece", "pieces changed"):
        table.add_column(heading, justify="left" if heading in ("text", "kind") else "right", no_wrap=True)
    with Bench(MaskPII()) as bench:
        for name, (kind, maker) in STREAMS.items():
            asked = command("cat", protocol="ssh")
            made = pieces(maker)
            edited = [bench.output(Output(asked.session, kind, piece, asked)) for piece in made]
            changed = sum(before != after for before, after in zip(made, edited, strict=True))
            turns = iter(made)
            us = best_us(lambda it=turns, a=asked, k=kind: bench.output(Output(a.session, k, next(it), a)))  # type: ignore[misc]
            table.add_row(name, kind, f"{len(made[0]) / us:.0f}", f"{us:.0f}", f"{changed / len(made):.0%}")
    return table


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
    Console().print(streams())
    small = b"D\0\0\0\x70\0\x04" + b"12345\0\0\0\x0111" + b" " * 84
    Console().print(f"one row of {len(small)} bytes: {best_us(lambda: prefilter.hit(small), 10_000):.2f} µs")


if __name__ == "__main__":
    main()
