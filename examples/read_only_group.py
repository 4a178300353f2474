"""Members of some groups may only read.

hoopaddon -s read_only_group.py --set read_only_groups=analysts --set read_only_groups=agents
"""

from collections.abc import Sequence

from hoopaddon import Command, Loader, Refused, ctx

# What is not on the list is refused: a verb that nobody thought of is a write.
READS = frozenset({"select", "show", "explain", "values", "table", "fetch", "declare", "close"})
TRANSACTION = frozenset({"begin", "commit", "rollback", "savepoint", "release", "start", "end", "set"})


class ReadOnlyGroup:
    def load(self, loader: Loader) -> None:
        loader.add_option("read_only_groups", Sequence[str], [], "Groups whose members may only read.")

    def command(self, command: Command) -> None:
        if not command.session.user.groups.intersection(ctx.options.read_only_groups):
            return
        if writes := command.verbs - READS - TRANSACTION:
            raise Refused(f"{', '.join(sorted(writes))}: your group may only read here")


addons = [ReadOnlyGroup()]
