"""The file of users: a first step before an identity provider.

```yaml
agent-7:
  password: SCRAM-SHA-256$4096:…     # hoopaddon users hash
  groups: [dev, ops]
ann:
  ssh_keys:                          # hoopaddon users add-key
    - ssh-ed25519 AAAAC3… ann@laptop
```
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from hoopaddon.config.document import Item, compose
from hoopaddon.config.fields import Field, read_fields
from hoopaddon.config.kinds import Schema, TextList
from hoopaddon.errors import ConfigError, raise_all
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.ssh_keys import MAX_LINE_CHARS, SshKey
from hoopaddon.private_file import read_private

_KEYS_HINT = "write each as in a .pub file: ssh-ed25519 AAAA… comment"
_HASH_HINT = "make one with: hoopaddon users hash"


@dataclass(frozen=True, slots=True)
class UserEntry:
    """One user: `scram_verifier` stands for the password, which is not kept; a user may have keys alone."""

    name: str
    groups: frozenset[str]
    scram_verifier: ScramVerifier | None
    ssh_keys: frozenset[SshKey] = frozenset()


class Users:
    """The users of one file, by name."""

    def __init__(self, entries: Mapping[str, UserEntry]) -> None:
        self._entries = dict(entries)

    @classmethod
    def load(cls, path: str | Path) -> "Users":
        """Read and check the file. Raises ConfigError with file and line; an error never quotes a value."""
        file = Path(path)
        document = compose(_text_of(file), str(file))
        return cls({} if document is None else _read_users(document))

    def get(self, name: str) -> UserEntry | None:
        """The user of this name, None without one. Refuse both cases with the same words in the same time."""
        return self._entries.get(name)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)


def add_key(path: str | Path, name: str, line: str) -> str:
    """List a public key for a user, comments in the file kept, and return its fingerprint; once is enough.

    Raises `ValueError` for a line that is no key, and `ConfigError` for a file that users cannot be read from.
    """
    file = Path(path)
    if "\n" in line:
        raise ValueError("more than one line")
    key = SshKey.parse(line)
    yaml = YAML(typ="rt")
    # A list stands deeper than its name, as people write it by hand.
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = MAX_LINE_CHARS * 2
    known = Users.load(file).get(name) if file.exists() else None
    if known is not None and key in known.ssh_keys:
        return key.fingerprint
    document = (yaml.load(_text_of(file)) if file.exists() else None) or CommentedMap()
    document.setdefault(name, CommentedMap()).setdefault("ssh_keys", CommentedSeq()).append(line)
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=f".{file.name}.", delete=False) as aside:
        made = Path(aside.name)
        try:
            yaml.dump(document, aside)
            aside.flush()
            # What would not be read is not written either.
            Users.load(made)
            made.replace(file)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
    return key.fingerprint


def _text_of(file: Path) -> str:
    """The text of a file that nobody else can read or write: whoever writes it decides who may log in."""
    try:
        return read_private(file).decode()
    except FileNotFoundError as e:
        raise ConfigError(f"cannot read the users: {e.strerror}", file=str(file)) from None
    except UnicodeDecodeError:
        raise ConfigError("not UTF-8", file=str(file)) from None


def _read_users(document: Item) -> dict[str, UserEntry]:
    """Raises ConfigError."""
    if not document.is_mapping:
        raise document.is_no("a mapping of names to users", "each name, and under it password: and groups:")
    problems: list[ConfigError] = []
    read = [_read_one(name, item, problems) for name, item in document.entries(problems)]
    raise_all(problems)
    return {entry.name: entry for entry in read if entry is not None}


def _read_one(name: str, item: Item, problems: list[ConfigError]) -> UserEntry | None:
    before = len(problems)
    if not name.isprintable():
        problems.append(item.wrong("a user's name has to be text that can be printed"))
    elif not item.is_mapping:
        problems.append(item.is_no("a mapping with a password or ssh_keys", _HASH_HINT))
    else:
        found = read_fields(item, _FIELDS, problems).values
        verifier, keys = found.get("password"), frozenset(found.get("ssh_keys", ()))
        if len(problems) == before and (verifier or keys):
            return UserEntry(name, frozenset(found.get("groups", ())), verifier, keys)
        if len(problems) == before:
            problems.append(item.wrong("has no password", _HASH_HINT))
    return None


@dataclass(frozen=True, slots=True)
class _Password:
    """A verifier: passwords are not kept as they are."""

    def read(self, item: Item) -> ScramVerifier:
        if item.text is None:
            raise item.is_no("a SCRAM-SHA-256 verifier", _HASH_HINT)
        try:
            return ScramVerifier.parse(item.text)
        except ValueError as e:
            raise item.wrong(f"{e}; passwords are not kept as they are", _HASH_HINT) from None

    def schema(self) -> Schema:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class _Keys:
    """A list of public keys."""

    def read(self, item: Item) -> list[SshKey]:
        if item.tag != "seq":
            raise item.is_no("a list of public keys", _KEYS_HINT)
        return [self._one(member) for member in item.members()]

    def _one(self, item: Item) -> SshKey:
        try:
            return SshKey.parse(item.text or "")
        except ValueError as e:
            raise item.wrong(f"is {e}", _KEYS_HINT) from None

    def schema(self) -> Schema:
        return {"type": "array", "items": {"type": "string"}}


_FIELDS: Mapping[str, Field] = {
    "password": Field(_Password(), "The verifier of the user's password."),
    "groups": Field(TextList(), "The user's groups."),
    "ssh_keys": Field(_Keys(), "The user's public keys."),
}
