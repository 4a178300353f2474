"""Collections of statements, as `.sql` files: `-- ## heading`, then the statement up to the next heading."""

from pathlib import Path

HEADING = "-- ## "


def cases(name: str) -> list[tuple[str, str]]:
    """The headings of a collection, each with its statement."""
    _, *parts = Path(__file__).with_name(f"{name}.sql").read_text().split(f"\n{HEADING}")
    found = []
    for part in parts:
        heading, _, statement = part.partition("\n")
        found.append((heading, statement))
    return found
