"""Show some columns to some groups, and a mask to everybody else.

hoopaddon -s mask_by_role.py --set role_columns=salary --set role_columns=iban --set role_groups=hr
"""

from collections.abc import Sequence

from hoopaddon import Loader, Rows, ctx


class MaskByRole:
    def load(self, loader: Loader) -> None:
        loader.add_option("role_columns", Sequence[str], ["salary"], "Columns that not everybody may read.")
        loader.add_option("role_groups", Sequence[str], ["hr"], "Groups whose members may read them.")

    def rows(self, rows: Rows) -> None:
        if rows.command.session.user.groups.intersection(ctx.options.role_groups):
            return
        hidden = set(ctx.options.role_columns)
        for position, column in enumerate(rows.columns):
            # `source` is the column's name in its table: an alias does not uncover it.
            if column.name in hidden or column.source in hidden:
                for row in rows:
                    # A mask that does not fit the type, a number's for example, reaches the client as NULL.
                    row[position] = "***"


addons = [MaskByRole()]
