"""YAML with the place of everything in it: mappings, lists and scalars, each with its file, line and key."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hoopaddon.errors import ConfigError

LIMIT_BYTES = 1 << 20
_QUOTED = re.compile(r""" ?(?:'(?!(?:<[a-z ]+>|.)').*'|".*")""", re.DOTALL)
_BEGINS = "it begins with targets:, see docs/configuration.md"
_TAG = "tag:yaml.org,2002:"
_SHOWN = {
    "map": "a mapping",
    "seq": "a list",
    "null": "empty",
    "str": "a text",
    "bool": "a truth value",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One value of the file. `key` is the way to it, `targets.orders.listen`; `line` is that of its key."""

    node: Any
    file: str
    key: str
    line: int

    @property
    def tag(self) -> str:
        """YAML's own word for what this is: `str`, `int`, `map` …; another for what is not YAML's."""
        return str(self.node.tag).removeprefix(_TAG)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.node, MappingNode) and self.tag == "map"

    @property
    def is_empty(self) -> bool:
        """Whether nothing stands after the key."""
        return self.tag == "null"

    @property
    def text(self) -> str | None:
        """A text, or a number as it is written; None for anything else."""
        wanted = isinstance(self.node, ScalarNode) and self.tag in ("str", "int", "float", "timestamp")
        return str(self.node.value) if wanted else None

    def wrong(self, message: str, hint: str = "") -> ConfigError:
        """What is to be said of this value, which is never quoted: it may be a secret."""
        return ConfigError(message, file=self.file, line=self.line, key=self.key, hint=hint)

    def is_no(self, wanted: str, hint: str = "") -> ConfigError:
        """This is something else than `wanted`."""
        if self.tag not in _SHOWN:
            # A password may begin with an exclamation mark: the tag is not shown either.
            return self.wrong(f"has to be {wanted}, and has a tag", "put text that begins with ! between quotes")
        return self.wrong(f"has to be {wanted}, and is {_SHOWN[self.tag]}", hint)

    def entries(self, problems: list[ConfigError]) -> "Iterator[tuple[str, Item]]":
        """The keys of a mapping with their values; those that are no text, or there twice, become problems."""
        seen: dict[str, int] = {}
        for key, value in self.node.value:
            line = key.start_mark.line + 1
            name = str(key.value) if isinstance(key, ScalarNode) else ""
            item = Item(value, self.file, f"{self.key}.{name}" if self.key else name, line)
            if not name or str(key.tag) == f"{_TAG}null":
                problems.append(
                    ConfigError("has to be a word", file=self.file, line=line, key=f"a key of {self.where}")
                )
            elif str(key.tag) == f"{_TAG}merge":
                problems.append(item.wrong("keys of another mapping are not taken over", "write them out"))
            elif name in seen:
                problems.append(item.wrong(f"is there twice; the first is in line {seen[name]}"))
            else:
                seen[name] = line
                yield name, item

    def members(self) -> "list[Item]":
        """The members of a list."""
        nodes: list[Node] = self.node.value if isinstance(self.node, SequenceNode) else []
        return [
            Item(node, self.file, f"{self.key}[{n}]", node.start_mark.line + 1) for n, node in enumerate(nodes, 1)
        ]

    @property
    def where(self) -> str:
        return self.key or "the file"


def read_document(path: Path, shown: str = "") -> Item:
    """The file's one document. Raises `ConfigError`; `shown` is what the file is called in errors."""
    return parse_document(read_text_file(path, shown or str(path)), shown or str(path))


def parse_document(text: str, shown: str) -> Item:
    """The one document of the text of `hoopaddon.yaml`, a mapping. Raises `ConfigError`."""
    item = compose(text, shown)
    if item is None:
        raise ConfigError("is empty", file=shown, hint=_BEGINS)
    if not item.is_mapping:
        raise item.is_no("a mapping", _BEGINS)
    return item


def compose(text: str, shown: str) -> Item | None:
    """The one document of any YAML text; None where there is nothing in it. Raises `ConfigError`."""
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        hint = "indent by two spaces, and put text with : # & * ! or quotes in it between quotes"
        what = _plain(e)
        raise ConfigError(
            f"is not YAML: {what}", file=shown, line=mark.line + 1 if mark else None, hint=hint
        ) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", file=shown) from None
    except (YAMLError, ValueError):
        raise ConfigError("is not YAML", file=shown, hint="it holds characters that no YAML has") from None
    return Item(node, shown, "", 1) if node is not None else None


def read_text_file(path: Path, shown: str) -> str:
    """The file's text with its own line ends. Raises `ConfigError`."""
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
                # It names the scripts that run with the gateway's rights.
                raise ConfigError("everybody can write it", file=shown, hint=f"chmod o-w {shown}")
            content = file.read(LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError("is not there", file=shown) from None
    except OSError as e:
        raise ConfigError(f"cannot be read: {e.strerror}", file=shown) from None
    if len(content) > LIMIT_BYTES:
        raise ConfigError(f"is longer than {LIMIT_BYTES} bytes", file=shown)
    try:
        return content.decode()
    except UnicodeDecodeError as e:
        line = content[: e.start].count(b"\n") + 1
        raise ConfigError("is not UTF-8 text", file=shown, line=line) from None


def _plain(error: MarkedYAMLError) -> str:
    """The parser's words without what it quotes: a piece of the file may be a secret."""
    context = error.context or ""
    said = f"{context}, {error.problem}" if context.startswith("expected") else error.problem or context
    return _QUOTED.sub("", said).strip(" :,") or "it cannot be read"
