"""Masked values that come back: they stand for what the client was not shown, and are never stored in its place."""

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any

from hoopaddon.adapters.kubernetes.body.text import read_json
from hoopaddon.adapters.kubernetes.facts import KubeFacts
from hoopaddon.detect.kubeobjects import LAST_APPLIED, decoded, holds_mask, is_mask
from hoopaddon.errors import Unparsable
from hoopaddon.session import Session

MOST_FIELDS = 20_000
"""Fields of which a session remembers that it was shown a mask; after so many every mask is taken for one."""

_KEY = "kubernetes.masked"


class MaskedFields:
    """Which fields a client has seen masked, by resource and path: of a text with a mask in it nothing else tells."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._overflowed = False

    def note(self, resource: str, path: str) -> None:
        if len(self._seen) >= MOST_FIELDS:
            self._overflowed = True
            return
        self._seen.add(_digest(resource, path))

    def __contains__(self, field: tuple[str, str]) -> bool:
        return self._overflowed or _digest(*field) in self._seen


def _digest(resource: str, path: str) -> bytes:
    return blake2b(f"{resource}\0{path}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def masked_fields(session: Session) -> MaskedFields:
    """Those of this session."""
    found: MaskedFields = session.vars.setdefault(_KEY, MaskedFields())
    return found


def refuse_masks(session: Session, facts: KubeFacts) -> None:
    """Raises `Unparsable` for a body that would store a mask, and names the field."""
    seen = masked_fields(session)
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
    seen = masked_fields(session)
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
