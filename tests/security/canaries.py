"""Secrets that are looked for afterwards, in whatever spelling they may have got somewhere."""

import base64
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus


class Canaries:
    """Distinct secrets by name; each has characters that are written differently in URLs."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def new(self, name: str) -> str:
        """A secret, to be used as a password or the like."""
        return self.add(name, f"cAn4ry/{name}+%&=~{secrets.token_hex(8)}")

    def add(self, name: str, secret: str) -> str:
        """Look for a secret that somebody else has made."""
        self._secrets[name] = secret
        return secret

    def found_in(self, places: Iterable[tuple[str, bytes]]) -> list[str]:
        """`canary in place, as spelling` for each that is somewhere."""
        forms = [(name, spelling, form) for name, text in self._secrets.items() for spelling, form in spellings(text)]
        found = []
        for place, content in places:
            low = content.lower()
            for name, spelling, form in forms:
                if form in content or (spelling in ("hex", "URL") and form.lower() in low):
                    found.append(f"{name} in {place}, as {spelling}")
        return found


def spellings(secret: str) -> Iterator[tuple[str, bytes]]:
    """The ways in which bytes get written; Base64 at each of three alignments, without what is around it."""
    data = secret.encode()
    yield "text", data
    yield "reversed", data[::-1]
    yield "hex", data.hex().encode()
    yield "URL", quote(secret, safe="").encode()
    yield "URL", quote_plus(secret).encode()
    yield "URL", quote(secret).encode()
    yield "UTF-16", secret.encode("utf-16-le")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + data)
        # The first and the last characters have bits of the neighbours in them.
        inner = encoded[(0, 2, 3)[before] :].rstrip(b"=")[:-1]
        yield "Base64", inner
        yield "Base64", inner.translate(bytes.maketrans(b"+/", b"-_"))


def files(folder: Path, without: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
    """What is in each file below a folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in without:
            yield str(path), path.read_bytes()


def command_lines() -> Iterator[tuple[str, bytes]]:
    """Of every process of this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield str(path), path.read_bytes().replace(b"\0", b" ")
        except OSError:
            continue
