"""Stop a result that is longer than anybody reads, and say how to get less.

hoopaddon -s row_limit.py --set row_limit=1000
"""

from hoopaddon import Command, Loader, Refused, Rows, ctx

SEEN = "row_limit.seen"


class RowLimit:
    def load(self, loader: Loader) -> None:
        loader.add_option("row_limit", int, 10_000, "How many rows one command may bring.")

    def rows(self, rows: Rows) -> None:
        seen = rows.command.session.vars.setdefault(SEEN, {})
        number = rows.command.number
        seen[number] = seen.get(number, 0) + len(rows)
        if seen[number] > ctx.options.row_limit:
            raise Refused(f"more than {ctx.options.row_limit} rows: add a LIMIT or a narrower WHERE")

    def command_end(self, command: Command) -> None:
        # What a policy remembers it has to forget as well: sessions can live for days.
        command.session.vars.get(SEEN, {}).pop(command.number, None)


addons = [RowLimit()]
