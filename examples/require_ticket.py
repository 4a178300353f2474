"""Refuse writes that do not name their change ticket in a comment: `/* OPS-123 */ UPDATE …`.

hoopaddon -s require_ticket.py --set ticket_pattern='OPS-[0-9]+'
"""

import re

from hoopaddon import Command, ConfigError, Loader, Refused, ctx

WRITES = frozenset({"insert", "update", "delete", "merge", "truncate", "alter", "drop", "create"})
COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.DOTALL)


class RequireTicket:
    def load(self, loader: Loader) -> None:
        loader.add_option("ticket_pattern", str, r"[A-Z]+-[0-9]+", "What a change ticket looks like.")

    def configure(self, updated: set[str]) -> None:
        if "ticket_pattern" in updated:
            try:
                self.ticket = re.compile(ctx.options.ticket_pattern)
            except re.error as e:
                raise ConfigError(f"not a regular expression: {e}", key="ticket_pattern") from None

    def command(self, command: Command) -> None:
        if not command.verbs & WRITES:
            return
        # A literal that merely looks like a comment passes here: this asks honest people for a ticket.
        if not any(self.ticket.search(comment) for comment in COMMENT.findall(command.text)):
            raise Refused("name the change ticket in a comment, for example /* OPS-123 */")


addons = [RequireTicket()]
