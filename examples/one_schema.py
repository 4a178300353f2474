"""Keep everybody inside some schemas, and have them say which.

    hoopaddon -s one_schema.py --set schemas=sales --set schemas=pg_catalog

A name without a schema is refused too: where it leads depends on the `search_path` of the moment.
"""

from collections.abc import Sequence

from hoopaddon import Command, Loader, Refused, ctx


class OneSchema:
    def load(self, loader: Loader) -> None:
        loader.add_option(
            "schemas", Sequence[str], ["public", "pg_catalog", "information_schema"], "Schemas that may be used."
        )

    def command(self, command: Command) -> None:
        allowed = set(ctx.options.schemas)
        for name in sorted(command.objects):
            schema, dot, _ = name.rpartition(".")
            if not dot:
                raise Refused(f"write the schema of {name}, for example {ctx.options.schemas[0]}.{name}")
            if schema not in allowed:
                raise Refused(f"{name}: only {', '.join(ctx.options.schemas)} may be used here")


addons = [OneSchema()]
