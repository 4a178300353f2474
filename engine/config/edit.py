"""Changes to the file by a command: the lines of one target come or go, and every other byte stays as it is."""

import io
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from hoopaddon.config import schema
from hoopaddon.config.document import Item, parse_document, read_text_file
from hoopaddon.config.sections import read_text
from hoopaddon.errors import ConfigError, raise_all

HEADER = f"# yaml-language-server: $schema={schema.FILE}\n"
"""By this line editors find what completes and checks the file, beside it."""
_INDENT = 2


class FileEditor:
    """One file. What it would become is read as at the start of the gateway before it is written."""

    def __init__(self, path: Path, shown: str) -> None:
        self._path = path.resolve()
        self._shown = shown
        self._text = read_text_file(self._path, shown) if self._path.exists() else ""

    def add(self, name: str, target: Mapping[str, Any]) -> None:
        """Write a target behind the others. Raises `ConfigError`, and then writes nothing."""
        targets = self._targets()
        if targets is not None and any(key == name for key, _ in targets.entries([])):
            raise ConfigError("is there already", file=self._shown, key=f"targets.{name}", hint="remove it first")
        is_new = not self._text
        text = _with(self._text or HEADER, targets, name, target)
        for problem in read_text(text, self._path, self._shown).problems:
            # A line of a file that is not written helps nobody.
            raise ConfigError(problem.message, key=problem.key, hint=problem.hint)
        self._write(text)
        beside = self._path.with_name(schema.FILE)
        if is_new and not beside.exists():
            _replace(beside, schema.schema_text().encode())

    def remove(self, name: str) -> None:
        """Take a target's lines out. Raises `ConfigError`, and then writes nothing."""
        targets = self._targets()
        entries = targets.node.value if targets is not None and targets.is_mapping else []
        found = next(((key, value) for key, value in entries if key.value == name), None)
        if targets is None or found is None:
            names = ", ".join(str(key.value) for key, _ in entries) or "none"
            raise ConfigError(f"there is no target {name}", file=self._shown, hint=f"targets are {names}")
        _check_lines(targets)
        lines = self._text.splitlines(keepends=True)
        del lines[found[0].start_mark.line : _last_line(found[1]) + 1]
        self._write("".join(lines))

    def _targets(self) -> Item | None:
        if all(not line.strip() or line.lstrip().startswith("#") for line in self._text.splitlines()):
            return None
        raise_all(read_text(self._text, self._path, self._shown).problems)
        document = parse_document(self._text, self._shown)
        return next((item for key, item in document.entries([]) if key == "targets"), None)

    def _write(self, text: str) -> None:
        raise_all(read_text(text, self._path, self._shown).problems)
        if self._text != (read_text_file(self._path, self._shown) if self._path.exists() else ""):
            raise ConfigError("was changed meanwhile", file=self._shown, hint="do it once more")
        try:
            _replace(self._path, text.encode())
        except OSError as e:
            raise ConfigError(f"cannot be written: {e.strerror}", file=self._shown) from None


def _with(text: str, targets: Item | None, name: str, target: Mapping[str, Any]) -> str:
    """The text with one more target."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    indent = _INDENT
    if targets is None:
        lines.append(f"targets:{end}")
        at = len(lines)
    elif targets.is_empty or not targets.node.value:
        at = targets.node.end_mark.line + 1 if targets.is_mapping else targets.line
        lines[at - 1] = lines[at - 1].replace("{}", "", 1).replace(": \n", ":\n").replace(": \r\n", ":\r\n")
    else:
        _check_lines(targets)
        indent = targets.node.value[0][0].start_mark.column
        at = _last_line(targets.node) + 1
    lines[at:at] = [f"{' ' * indent}{line}{end}" for line in _block(name, target)]
    return "".join(lines)


def _block(name: str, target: Mapping[str, Any]) -> list[str]:
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 4096
    written = io.StringIO()
    yaml.dump({name: dict(target)}, written)
    return written.getvalue().splitlines()


def _check_lines(targets: Item) -> None:
    if targets.node.flow_style:
        raise targets.wrong(
            "is written in braces, which a command does not edit", "write each target on its own lines"
        )


def _last_line(node: Node) -> int:
    """The last line that a value stands on, without what follows it: comments and empty lines."""
    if isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    # A block of text ends where the next line begins.
    end = node.end_mark
    return int(end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line)


def _replace(path: Path, content: bytes) -> None:
    """Write the file at once, with the mode and owner that it had."""
    before = path.stat() if path.exists() else None
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            if before is not None:
                os.fchmod(file.fileno(), before.st_mode & 0o7777)
                with suppress(PermissionError):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
