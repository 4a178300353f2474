"""Operations on files as policies see them."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from hoopaddon.commands import FileOperation
from hoopaddon.errors import Refused
from hoopaddon.facts import Facts
from hoopaddon.session import Session

_NOT_SHOWN = re.compile(r"[^\x20-\x7e\xa1-\ud7ff\ue000-\U0010ffff]")


class SftpOperation(FileOperation, hook="sftp_operation", protocol="ssh"):
    """One operation on files over SFTP or scp; a file that is opened is one, whatever is then read or written.

    `text` is what it does, to which paths, and with what: `chmod /srv/a mode=0644`.
    """

    __slots__ = ("_content", "_facts", "_keeps_bytes", "_new_path", "_path")

    def __init__(
        self,
        session: Session,
        verbs: Sequence[str],
        path: str,
        new_path: str = "",
        *,
        objects: Iterable[str] = (),
        details: str = "",
    ) -> None:
        words = ["+".join(verbs), quoted(path), *([quoted(new_path)] if new_path else []), details]
        super().__init__(session, " ".join(word for word in words if word))
        self._path = path
        self._new_path = new_path
        self._content: dict[str, bytes] = {}
        self._keeps_bytes = 0
        self._facts = Facts(frozenset(verbs), frozenset({path, new_path, *objects} - {""}))

    @property
    def facts(self) -> Facts:
        return self._facts

    @property
    def path(self) -> str:
        """The path as the client gave it, made absolute where the gateway knows from where."""
        return self._path

    @property
    def new_path(self) -> str:
        """Of a rename, a link or a copy, the second path; else empty."""
        return self._new_path

    def keep_content(self, limit_bytes: int) -> None:
        """See `FileOperation`; the policy that wants most of it decides."""
        self._keeps_bytes = max(self._keeps_bytes, limit_bytes)

    @property
    def content(self) -> Mapping[str, bytes]:
        """See `FileOperation`."""
        return self._content

    def rewrite(self, text: str) -> None:
        """Refused: another path is another operation, and what the client then reads or writes was not for it."""
        if text != self.text:
            raise Refused("a file operation cannot be rewritten")


def kept_bytes(operation: SftpOperation) -> int:
    """How much of what goes through it the policies want to see at its end."""
    return operation._keeps_bytes


def keep(operation: SftpOperation, *, read: bytes = b"", written: bytes = b"") -> None:
    """It is over, and this is what was to be kept of it."""
    operation._content = {kind: data for kind, data in (("file_read", read), ("file_written", written)) if data}


def quoted(path: str) -> str:
    """The path as a word that people can read and no terminal obeys."""
    if _NOT_SHOWN.search(path):
        shown = _NOT_SHOWN.sub(_escaped, path.replace("\\", "\\\\").replace("'", "\\'"))
        return f"$'{shown}'"
    return shlex.quote(path)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in found[0].encode("utf-8", "surrogateescape"))
