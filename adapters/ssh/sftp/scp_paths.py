"""Which path a record of scp is about, as far as the two ends let that be known.

An `scp -t P` puts a file at `P/name` where P is a folder, and else at `P`: only the target knows. An `scp -f` says no
more than the last name of what it sends. Where it is not known, an operation's objects are all that it could be. What
is a symbolic link there is not known either, and a path that does not begin with `/` begins where the login does.
"""

import posixpath

from hoopaddon.adapters.ssh.sftp.paths import normal, text_of
from hoopaddon.adapters.ssh.sftp.scp_line import ScpLine, is_pattern
from hoopaddon.adapters.ssh.sftp.scp_records import Entry


class ScpPaths:
    """The folders that a conversation is in, and the paths in them."""

    def __init__(self, line: ScpLine) -> None:
        self._line = line
        self._folders: list[tuple[str, frozenset[str]]] = []

    def enter(self, folder: Entry) -> None:
        self._folders.append(self.of(folder))

    def leave(self) -> bool:
        """Whether there was a folder to leave."""
        if not self._folders:
            return False
        self._folders.pop()
        return True

    def of(self, entry: Entry) -> tuple[str, frozenset[str]]:
        """The likeliest path of an entry, and all that it could be."""
        name = text_of(entry.name)
        if self._folders:
            folder, all_folders = self._folders[-1]
            return _inside(folder, name), frozenset(_inside(other, name) for other in all_folders)
        return self._received(name) if self._line.receives else self._sent(name)

    def _received(self, name: str) -> tuple[str, frozenset[str]]:
        written = self._line.paths[0]
        path = normal(written)
        inside = _inside(path, name)
        is_folder = self._line.folder or written.endswith(("/", "/.", "/..")) or written in (".", "..")
        return (inside, frozenset({inside})) if is_folder else (path, frozenset({path, inside}))

    def _sent(self, name: str) -> tuple[str, frozenset[str]]:
        found = [path for written in self._line.paths if (path := self._source(normal(written), name))]
        if not found:
            found = [_inside(posixpath.dirname(normal(path)), name) for path in self._line.paths]
        return found[0], frozenset(found)

    def _source(self, path: str, name: str) -> str:
        """What a path of the command line is where this name comes from it; empty where it cannot."""
        folder, last = posixpath.split(path)
        if last == name:
            return path
        return _inside(folder, name) if self._line.patterns and is_pattern(last) else ""


def _inside(folder: str, name: str) -> str:
    return normal(posixpath.join(folder, name))
