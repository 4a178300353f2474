"""The published JSON Schema: made of the reader's own tables, and of one mind with it."""

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hoopaddon.cli.schema import main
from hoopaddon.config.schema import schema, schema_text
from hoopaddon.config.sections import SECTIONS, read_text
from hoopaddon.config.targets import protocols
from tests.engine.config.test_broken_files import TABLE
from tests.engine.config.test_compile import WHOLE
from tests.engine.config.test_edit import WHOLE as EDITED

ROOT = Path(__file__).parents[3]
READERS_ALONE = (
    "is not YAML",
    "is there twice",
    "is listed in line",
    "is set in line",
    "in one place",
    "is no address",
    "is no place to listen at",
    "listens for",
    "is not a reference",
    "need",
    "has a section of its own",
    "no such script",
    "a target has one credential",
    "is a number from",
    "is SHA256:",
    "pins one key",
    "unknown key",
    "is REGION/SERVICE",
    "is nested",
    "has to be 0 or more",
    "is empty",
    "has to be true or false",
    "two targets",
    "has a tag",
    "keys of another mapping",
    "has to be a word",
    "options, and is a text",
)
"""What no schema can tell, or what this one leaves to the reader: order, other files, keys that need each other."""


def validator() -> Any:
    return jsonschema.Draft7Validator(schema())


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def test_the_copy_in_the_documentation_is_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == schema_text()
    kept = (ROOT / "docs" / "hoopaddon.schema.json").read_text()
    assert kept == schema_text(), "hoopaddon schema > docs/hoopaddon.schema.json"


def test_it_is_a_schema_and_describes_every_key() -> None:
    jsonschema.Draft7Validator.check_schema(schema())
    found = json.loads(schema_text())
    assert found["properties"].keys() == SECTIONS.keys()
    assert all(section["description"].endswith(".") for section in found["properties"].values())
    forms = found["properties"]["targets"]["additionalProperties"]["oneOf"]
    assert [form["properties"]["protocol"]["const"] for form in forms] == list(protocols())
    for form in forms:
        for key, described in form["properties"].items():
            assert described["description"].endswith("."), key


@pytest.mark.parametrize("text", [WHOLE, EDITED, "targets:\naddons:\noptions:\n"])
def test_what_the_reader_takes_the_schema_takes(text: str, tmp_path: Path) -> None:
    assert read_text(text, tmp_path / "hoopaddon.yaml").problems == []
    assert [error.message for error in validator().iter_errors(load(text))] == []


@pytest.mark.parametrize("case", TABLE, ids=range(1, len(TABLE) + 1))
def test_what_the_schema_can_tell_it_tells(case: str) -> None:
    text, _, said = case.partition("\n-----\n")
    if any(words in said for words in READERS_ALONE):
        return
    try:
        document = load(text)
    except (YAMLError, ValueError):
        return
    assert list(validator().iter_errors(document)), said
