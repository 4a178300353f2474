"""The page of `hoopaddon.yaml` lists every key, as the reader's tables have it."""

from pathlib import Path

from hoopaddon.config.fields import Field
from hoopaddon.config.kinds import Flag, Integer, Kind, Listen, Reference, Text, TextList, TextMapping
from hoopaddon.config.sections import SECTIONS, OptionKeys
from hoopaddon.config.targets import fields_of, protocols

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
BEGIN = "## Every key\n"

_WRITTEN: dict[type[Kind], str] = {
    Text: "text",
    TextList: "list of texts",
    TextMapping: "names with texts",
    Integer: "whole number",
    Flag: "true or false",
    Listen: "port",
}


def written(kind: Kind) -> str:
    """How a value is written, in a word."""
    if isinstance(kind, Reference):
        return "NAME:reference" if kind.named else "reference"
    if isinstance(kind, Text) and kind.choices:
        return ", ".join(f"`{choice}`" for choice in kind.choices)
    return _WRITTEN[type(kind)]


def table(fields: dict[str, Field]) -> str:
    rows = [
        f"| `{key}`{' (needed)' if field.required else ''} | {written(field.kind)} | {field.help} |"
        for key, field in fields.items()
    ]
    return "\n".join(["| key | value | meaning |", "|---|---|---|", *rows]) + "\n"


def reference() -> str:
    """The part of the page that the tables make."""
    rows = [f"| `{name}` | {section.help} |" for name, section in SECTIONS.items()]
    parts = ["\n".join(["| section | meaning |", "|---|---|", *rows]) + "\n"]
    for name, section in SECTIONS.items():
        if isinstance(section, OptionKeys):
            parts.append(f"### `{name}`\n\n{table({key: field for key, (_, field) in section.keys.items()})}")
    parts += [f"### A target of {protocol}\n\n{table(fields_of(protocol))}" for protocol in protocols()]
    return f"{BEGIN}\n" + "\n".join(parts)


def test_the_page_has_every_key() -> None:
    _, begin, rest = PAGE.read_text().partition(BEGIN)
    assert begin + rest == reference()


if __name__ == "__main__":
    before, _, _ = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(before + reference())
