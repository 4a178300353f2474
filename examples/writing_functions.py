"""Calls to functions that change things wait for an approval: `SELECT cleanup()` does not look like a write.

hoopaddon -s writing_functions.py --set writing_functions=cleanup --set writing_functions=close_month

Functions are named without their schema, and count in whatever schema they are called.
"""

from collections.abc import Sequence

from hoopaddon import Loader, SqlCommand, ctx


class WritingFunctions:
    def load(self, loader: Loader) -> None:
        loader.add_option("writing_functions", Sequence[str], [], "Functions whose calls have to be approved.")

    async def postgres_query(self, command: SqlCommand) -> None:
        writing = frozenset(ctx.options.writing_functions)
        for statement in command.statements:
            # `(t).cleanup` calls the function as well, where there is no column of that name.
            if found := writing & (statement.functions | statement.attributes):
                await command.approve(f"calls {', '.join(sorted(found))}", by=["dba"])
                return


addons = [WritingFunctions()]
