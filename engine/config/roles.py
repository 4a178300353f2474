"""The section `roles:`: who may do what, where."""

from hoopaddon.access.roles import read_roles, schema
from hoopaddon.config.document import Item
from hoopaddon.config.draft import Draft
from hoopaddon.config.kinds import Schema

HELP = "Who may do what at which targets; once there is one role, what no role allows is refused."


class RolesSection:
    """The section; see the module."""

    help = HELP
    may_be_empty = False
    """Else a name left behind by an edit would let everybody do everything."""

    def read(self, item: Item, draft: Draft) -> None:
        """Give the draft its roles."""
        draft.roles = read_roles(item, draft.problems)

    def schema(self) -> Schema:
        return schema()
