"""The section `options:`: any option of the gateway or of a policy, by its own name."""

from hoopaddon.config.document import Item
from hoopaddon.config.draft import Draft, kind_of
from hoopaddon.config.kinds import Schema
from hoopaddon.options import Options

HELP = "Any option by its name, those of policies too; `hoopaddon --options` shows all of them."
ELSEWHERE = {"scripts": "addons", "shadow": "addons"}
"""Options that a section of their own says better."""


class FreeOptions:
    """The section; see the module."""

    help = HELP
    may_be_empty = True

    def read(self, item: Item, draft: Draft) -> None:
        """Add the options to the draft; which there are is known once the scripts have loaded."""
        if not item.is_mapping:
            raise item.is_no("a mapping of options to values", "max_connections: 100")
        for name, value in item.entries(draft.problems):
            if name in ELSEWHERE:
                draft.problems.append(value.wrong("has a section of its own", f"write it as {ELSEWHERE[name]}:"))
            else:
                draft.set_option(name, value)

    def schema(self) -> Schema:
        """Those of the gateway itself; policies bring others."""
        known = {name: option for name, option in sorted(Options()._options.items()) if name not in ELSEWHERE}
        return {
            "type": "object",
            "properties": {
                name: {**kind_of(option)[0].schema(), "description": option.help} for name, option in known.items()
            },
        }
