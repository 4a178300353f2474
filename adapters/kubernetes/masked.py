"""Masked values that come back: they stand for what the client was not shown, and are never stored in its place."""

import logging
import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from hoopaddon.adapters.kubernetes.body.text import read_json
from hoopaddon.adapters.kubernetes.facts import KubeFacts
from hoopaddon.detect.kubeobjects import LAST_APPLIED, decoded, holds_mask, is_mask
from hoopaddon.errors import Unparsable
from hoopaddon.session import Session

logger = logging.getLogger(__name__)

MOST_FIELDS = 100_000
"""Fields of a target of which is remembered that a mask was shown; after so many every mask is taken for one."""
_DIGEST_BYTES = 8


class MaskedFields:
    """Which fields somebody has seen masked, by resource and path: of a text with a mask in it nothing else tells.

    Whoever sends it back may be somebody else, and may have taken a day to edit it.
    """

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._file: Path | None = None

    def keep_in(self, file: Path) -> None:
        """Go on with what this file has, and write there what comes."""
        if self._file is None:
            self._file = file
            if file.exists():
                data = file.read_bytes()
                self._seen |= {data[at : at + _DIGEST_BYTES] for at in range(0, len(data), _DIGEST_BYTES)}

    def note(self, resource: str, path: str) -> None:
        digest = _digest(resource, path)
        if digest in self._seen or len(self._seen) >= MOST_FIELDS:
            return
        self._seen.add(digest)
        if self._file is not None:
            _append(self._file, digest)

    def __contains__(self, field: tuple[str, str]) -> bool:
        return len(self._seen) >= MOST_FIELDS or _digest(*field) in self._seen


def _append(file: Path, digest: bytes) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, digest)
        finally:
            os.close(descriptor)
    except OSError as e:
        logger.error("cannot remember in %s which fields are masked: %s", file, e.strerror)


def _digest(resource: str, path: str) -> bytes:
    text = f"{resource}\0{path}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=_DIGEST_BYTES).digest()


_OF_SERVERS: dict[str, MaskedFields] = {}


def masked_fields(address: str) -> MaskedFields:
    """Those of the target at this address, by whichever name it is known."""
    return _OF_SERVERS.setdefault(address, MaskedFields())


def refuse_masks(session: Session, facts: KubeFacts) -> None:
    """Raises `Unparsable` for a body that would store a mask, and names the field."""
    seen = masked_fields(session.target.address)
    resource = facts.info.resource
    for change in facts.changes.sets:
        for path, text in texts_of(change):
            plain = (decoded(text) if path.startswith(("data.", "binaryData.")) else None) or text
            if is_mask(plain) or (holds_mask(plain) and (resource, path) in seen):
                raise Unparsable(
                    f"{path} holds a mask, which stands for a value that you were not shown: leave the field out,"
                    " or send the value itself"
                )


def note_masks(session: Session, resource: str, before: Any, after: Any) -> None:
    """Remember the fields of an object in which policies have changed something."""
    seen = masked_fields(session.target.address)
    texts = dict(texts_of(after))
    for path, text in texts_of(before):
        if texts.get(path, text) != text:
            seen.note(resource, path)


def texts_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a document with its path; what stands in a list has the list's path.

    What `kubectl apply` has noted of the object is read as the object.
    """
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting.extend((f"{path}.{key}" if path else key, item) for key, item in value.items())
        elif isinstance(value, list | tuple):
            waiting.extend((path, item) for item in value)
        elif isinstance(value, str):
            if path.endswith(LAST_APPLIED):
                try:
                    waiting.append(("", read_json(value.encode("utf-8", "surrogatepass"))))
                    continue
                except Unparsable:
                    pass
            yield path, value
