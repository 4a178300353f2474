"""How the values of the file are written: each kind reads one, and says what JSON Schema calls it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hoopaddon.config.document import Item
from hoopaddon.credential import check_reference
from hoopaddon.errors import ConfigError
from hoopaddon.listen import place_of

type Schema = dict[str, Any]

_INTEGER = re.compile(r"-?[0-9]{1,18}")


class Kind(Protocol):
    """One way to write a value."""

    def read(self, item: Item) -> Any:
        """What the value means. Raises `ConfigError`, which says where it is and what to write instead."""

    def schema(self) -> Schema:
        """Which values there are, in JSON Schema's words."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text; one of `choices` where there are any. A number is one too, as it is written."""

    choices: tuple[str, ...] = ()
    may_be_empty: bool = False

    def read(self, item: Item) -> str:
        text = item.text
        if text == "" and not self.may_be_empty:
            raise item.wrong("is empty", "leave the key out, or write something after it")
        if text is None:
            hint = "leave the key out, or write something after it" if item.is_empty else ""
            raise item.is_no("a text", hint or ("put it between quotes" if item.tag == "bool" else ""))
        if self.choices and text not in self.choices:
            raise item.wrong(f"has to be {_one_of(self.choices)}")
        if not text.isprintable():
            raise item.wrong("holds characters that cannot be printed")
        return text

    def schema(self) -> Schema:
        if self.choices:
            return {"type": "string", "enum": list(self.choices)}
        return {"type": ["string", "number"]} | ({} if self.may_be_empty else {"minLength": 1})


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a secret is; NAME:REFERENCE where the secret goes by a name as well."""

    named: bool = False

    def read(self, item: Item) -> str:
        text = Text().read(item)
        reference = text.partition(":")[2] if self.named else text
        try:
            check_reference(reference)
        except ConfigError as e:
            hint = f"NAME: and then a reference: {e.hint}" if self.named else e.hint
            raise item.wrong(e.message, hint) from None
        return text

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^[^:]+:.+:.+$" if self.named else "^[^:]+:.+$"}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number."""

    least: int | None = None
    most: int | None = None

    def read(self, item: Item) -> int:
        text = item.text
        if item.tag != "int" or text is None or not _INTEGER.fullmatch(text):
            raise item.is_no("a whole number")
        number = int(text)
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            raise item.wrong(f"has to be {self._range()}")
        return number

    def _range(self) -> str:
        if self.most is None:
            return f"{self.least} or more"
        return f"a number from {self.least} to {self.most}"

    def schema(self) -> Schema:
        limits = {"minimum": self.least, "maximum": self.most}
        return {"type": "integer", **{name: limit for name, limit in limits.items() if limit is not None}}


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    def read(self, item: Item) -> float:
        text = item.text
        if item.tag not in ("int", "float") or text is None:
            raise item.is_no("a number")
        try:
            return float(text)
        except ValueError:
            raise item.is_no("a decimal number") from None

    def schema(self) -> Schema:
        return {"type": "number"}


@dataclass(frozen=True, slots=True)
class Flag:
    """true or false."""

    def read(self, item: Item) -> bool:
        if item.tag != "bool":
            raise item.is_no("true or false")
        return bool(str(item.node.value).lower() == "true")

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class TextList:
    """A list of texts, or a single one."""

    choices: tuple[str, ...] = ()

    def read(self, item: Item) -> list[str]:
        if item.text is not None:
            return [Text(self.choices).read(item)]
        if item.tag != "seq":
            raise item.is_no("a list of texts")
        return [Text(self.choices).read(member) for member in item.members()]

    def schema(self) -> Schema:
        one = Text(self.choices).schema()
        return {"anyOf": [one, {"type": "array", "items": one}]}


@dataclass(frozen=True, slots=True)
class TextMapping:
    """Names with a text each."""

    def read(self, item: Item) -> dict[str, str]:
        if not item.is_mapping:
            raise item.is_no("a mapping of names to texts", "env: prod")
        problems: list[ConfigError] = []
        found = {name: Text().read(value) for name, value in item.entries(problems)}
        if problems:
            raise problems[0]
        return found

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": Text().schema()}


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a listener is: PORT or HOST:PORT, as the end of a mode has it."""

    def read(self, item: Item) -> str:
        hint = "write PORT or HOST:PORT, 15432 or 127.0.0.1:15432 for example"
        if item.text is None:
            raise item.is_no("a port", hint)
        place = place_of(item.text)
        if place is None:
            raise item.wrong("is no place to listen at", hint)
        host, port = place
        return f"{host}:{port}" if host else str(port)

    def schema(self) -> Schema:
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string"}]}


def _one_of(choices: Sequence[str]) -> str:
    words = [choice or "(empty)" for choice in choices]
    return f"one of {', '.join(words)}" if len(words) > 1 else words[0]
