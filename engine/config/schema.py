"""The file in JSON Schema's words, made of the tables that it is read by."""

import json
from typing import Any

from hoopaddon.config.sections import SECTIONS

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
        "properties": {
            name: _or_empty(section.schema()) | {"description": section.help} for name, section in SECTIONS.items()
        },
    }


def schema_text() -> str:
    """The same as a file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _or_empty(described: dict[str, Any]) -> dict[str, Any]:
    """A section may have nothing in it."""
    return {**described, "type": [described["type"], "null"]}
