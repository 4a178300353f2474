"""Log a warning for what took long, with who sent it. The text stays out of the log: it may hold data.

hoopaddon -s slow_queries.py --set slow_s=5
"""

import logging

from hoopaddon import Command, Loader, ctx

logger = logging.getLogger("slow_queries")


class SlowQueries:
    def load(self, loader: Loader) -> None:
        loader.add_option("slow_s", int, 10, "How many seconds a command may take before it is reported.")

    def command_end(self, command: Command) -> None:
        if command.verdict.passes and command.duration_s >= ctx.options.slow_s:
            who, where = command.session.user.subject, command.session.target.name
            logger.warning(
                "%s on %s: %.1f s, %d rows (session %s, command %d)",
                who,
                where,
                command.duration_s,
                command.rows,
                command.session.id,
                command.number,
            )


addons = [SlowQueries()]
