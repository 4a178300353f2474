"""Which path a record of scp is about, as far as the two ends let that be known.

An `scp -t P` puts a file at `P/name` where P is a folder, and else at `P`: only the target knows. An `scp -f` says no
more than the last name of what it sends. Where it is not known, an operation's objects are all that it could be.
"""

import posixpath

from hoopaddon.adapters.ssh.sftp.paths import normal, text_of
from hoopaddon.adapters.ssh.sftp.scp_line import ScpLine
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
        written = self._line.paths[0] or ""
        path = normal(written)
        inside = _inside(path, name)
        is_folder = self._line.folder or written.endswith(("/", "/.", "/..")) or written in (".", "..")
        return (inside, frozenset({inside})) if is_folder else (path, frozenset({path, inside}))

    def _sent(self, name: str) -> tuple[str, frozenset[str]]:
        known = [normal(path) for path in self._line.paths if path is not None]
        exact = [path for path in known if posixpath.basename(path) == name]
        if exact:
            return exact[0], frozenset(exact)
        beside = [_inside(posixpath.dirname(path), name) for path in known]
        return (beside[0], frozenset(beside)) if beside else (name, frozenset({name}))


def _inside(folder: str, name: str) -> str:
    return normal(posixpath.join(folder, name))
