"""The file in JSON Schema's words, made of the tables that it is read by."""

import json
from typing import Any

from hoopaddon.config.sections import SECTIONS, Section

DIALECT = "http://json-schema.org/draft-07/schema#"
"""What editors' language servers take."""
FILE = "hoopaddon.schema.json"


def schema() -> dict[str, Any]:
    """The whole file."""
    return {
        "$schema": DIALECT,
        "title": "hoopaddon.yaml",
        "description": "What the gateway stands in front of, with which policies and options.",
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _described(section) for name, section in SECTIONS.items()},
    }


def schema_text() -> str:
    """The same as a file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _described(section: Section) -> dict[str, Any]:
    found = {**section.schema(), "description": section.help}
    return {**found, "type": [found["type"], "null"]} if section.may_be_empty else found
