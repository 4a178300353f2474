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
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from hoopaddon.errors import ConfigError
from hoopaddon.identity.scram import ScramVerifier
from hoopaddon.identity.ssh_keys import MAX_LINE_CHARS, SshKey
from hoopaddon.private_file import read_private

_KEYS = frozenset({"password", "groups", "ssh_keys"})
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
        text = _text_of(file)
        try:
            document = YAML(typ="rt").load(text)
        except MarkedYAMLError as e:
            line = e.problem_mark.line + 1 if e.problem_mark else None
            raise ConfigError("not valid YAML, or a name that occurs twice", file=str(file), line=line) from None
        except YAMLError:
            raise ConfigError("not valid YAML", file=str(file)) from None
        if document is None:
            return cls({})
        if not isinstance(document, CommentedMap):
            raise ConfigError("must map each user's name to a password and groups", file=str(file), line=1)
        return cls({str(name): _Reader(file, document, name).entry() for name in document})

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


class _Reader:
    """Reads one user's entry, and knows where it stands."""

    def __init__(self, file: Path, document: CommentedMap, name: object) -> None:
        self._file = str(file)
        self._name = name
        self._line = document.lc.key(name)[0] + 1
        self._value: Any = document[name]

    def _error(self, message: str, *, key: str = "", hint: str = "") -> ConfigError:
        line = self._line
        if key and isinstance(self._value, CommentedMap) and key in self._value:
            line = self._value.lc.key(key)[0] + 1
        place = f"{self._name}.{key}" if key else str(self._name)
        return ConfigError(message, file=self._file, line=line, key=place, hint=hint)

    def entry(self) -> UserEntry:
        if not isinstance(self._name, str) or not self._name.isprintable() or not self._name:
            raise self._error("a user's name must be text", hint="put it in quotes")
        if not isinstance(self._value, CommentedMap):
            raise self._error("must have a password, and may have groups", hint=_HASH_HINT)
        for key in self._value:
            if key not in _KEYS:
                raise self._error("unknown key", key=str(key), hint="known are password, groups and ssh_keys")
        keys = self._ssh_keys()
        return UserEntry(self._name, self._groups(), self._verifier(needed=not keys), keys)

    def _ssh_keys(self) -> frozenset[SshKey]:
        lines = self._value.get("ssh_keys", CommentedSeq())
        if not isinstance(lines, CommentedSeq) or not all(isinstance(line, str) for line in lines):
            hint = "each as in a .pub file: ssh-ed25519 AAAA… comment"
            raise self._error("must be a list of public keys", key="ssh_keys", hint=hint)
        keys = set()
        for number, line in enumerate(lines, 1):
            try:
                keys.add(SshKey.parse(line))
            except ValueError as e:
                raise self._error(f"key {number} is {e}", key="ssh_keys") from None
        return frozenset(keys)

    def _verifier(self, *, needed: bool) -> ScramVerifier | None:
        text = self._value.get("password")
        if text is None and not needed:
            return None
        if text is None:
            raise self._error("has no password", hint=_HASH_HINT)
        if not isinstance(text, str):
            raise self._error("must be a SCRAM-SHA-256 verifier", key="password", hint=_HASH_HINT)
        try:
            return ScramVerifier.parse(text)
        except ValueError as e:
            raise self._error(f"{e}; passwords are not kept as they are", key="password", hint=_HASH_HINT) from None

    def _groups(self) -> frozenset[str]:
        groups = self._value.get("groups", CommentedSeq())
        if not isinstance(groups, CommentedSeq) or not all(isinstance(g, str) and g for g in groups):
            raise self._error("must be a list of names", key="groups", hint="for example [dev, ops]")
        return frozenset(groups)
