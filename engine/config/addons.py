"""The section `addons:`: scripts in order, each with its own options."""

from pathlib import Path

from hoopaddon.config.document import Item
from hoopaddon.config.draft import Draft, FileAddon
from hoopaddon.config.kinds import Flag, Schema, Text
from hoopaddon.errors import ConfigError
from hoopaddon.scripts.locate import locate, shipped_scripts

HELP = "The policies in their order, each by its file or as the name of a shipped one, with its options under it."
SHADOW = "Let the policy decide and be traced, and nothing that it decides take effect."


class Addons:
    """The section; see the module."""

    help = HELP
    may_be_empty = True

    def read(self, item: Item, draft: Draft) -> None:
        """Add the scripts and their options to the draft."""
        if item.tag != "seq":
            raise item.is_no("a list of scripts", "- mask_pii.py")
        places: dict[str, Item] = {}
        for member in item.members():
            try:
                addon = _read_one(member, draft)
            except ConfigError as e:
                draft.problems.append(e)
                continue
            if addon.script in places:
                draft.problems.append(member.wrong(f"is listed in line {places[addon.script].line} already"))
            else:
                places[addon.script] = member
                draft.addons.append(addon)

    def schema(self) -> Schema:
        """A name, or a name with options."""
        options = {"type": ["object", "null"], "properties": {"shadow": {"type": "boolean", "description": SHADOW}}}
        one = {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": dict.fromkeys(shipped_scripts(), options),
            "additionalProperties": options,
        }
        return {"type": "array", "items": {"anyOf": [{"type": "string", "examples": [*shipped_scripts()]}, one]}}


def _read_one(item: Item, draft: Draft) -> FileAddon:
    if not item.is_mapping:
        return FileAddon(_locate(Text().read(item), item, draft), shadow=False, item=item)
    entries = list(item.entries(draft.problems))
    if len(entries) != 1:
        hint = "begin each script with a hyphen of its own, and indent its options below it"
        raise item.wrong("has to be one script with its options", hint)
    script, options = entries[0]
    located = _locate(script, options, draft)
    if options.is_empty:
        return FileAddon(located, shadow=False, item=options)
    if not options.is_mapping:
        raise options.is_no("a mapping of options to values", "shadow: true, or an option of the script")
    shadow, names = False, set()
    for name, value in options.entries(draft.problems):
        if name == "shadow":
            shadow = Flag().read(value)
        else:
            names.add(name)
            draft.set_option(name, value)
    return FileAddon(located, shadow, options, frozenset(names))


def _locate(script: str, item: Item, draft: Draft) -> str:
    """The script as the command line names it; one beside the file comes first. Raises `ConfigError`."""
    here = draft.beside(script)
    try:
        return str(locate(here if Path(here).is_file() else script))
    except ConfigError as e:
        raise item.wrong(e.message.removesuffix(f": {script}"), e.hint) from None
