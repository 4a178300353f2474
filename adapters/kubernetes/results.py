"""What comes back, in pieces that policies can judge: whole objects, however long the list or the watch."""

import json
import re
from collections.abc import Iterator
from typing import Any

from hoopaddon.adapters.kubernetes.masked import note_masks
from hoopaddon.errors import PeerError
from hoopaddon.session import Session
from hoopaddon.web.body.runs import Document, Run, Unfit

OBJECT_BYTES = 8 << 20
"""No object is larger: the API's store takes 1.5 MB, and lists are given item by item."""

# What stands between two brackets: names, strings, numbers. A quote at its end begins a string that is not whole.
_BETWEEN = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_LAST_STRING = re.compile(rb'("(?:[^"\\]++|\\.)*+")[ \t\r\n]*:[ \t\r\n]*\Z', re.DOTALL)
_NAME_BYTES = 64
_OPEN = frozenset(b"{[")
_QUOTE = 0x22
_WHITE = b" \t\r\n"
_ARRAYS = (b'"items"', b'"rows"')


class ObjectSplitter:
    """Cuts JSON into objects: documents one after the other, as a watch sends them, or with `lists` those in a list.

    Around the items of a list only its own metadata stands; policies do not see that.
    """

    def __init__(self, session: Session, resource: str, *, lists: bool) -> None:
        self._session, self._resource = session, resource
        self._lists = lists
        self._held = bytearray()
        self._scanned = 0
        self._stack = bytearray()
        self._in_list = self._had_list = self._in_string = False

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        self._held += data
        yield from self._scan()
        if not self._stack and self._held and not self._held.strip(_WHITE):
            # What ends an event's line: whoever reads lines waits for it, and the next event may be long in coming.
            yield self._cut_all()
        if len(self._held) > OBJECT_BYTES:
            raise PeerError("server", "sends an object larger than any that it stores", limit=OBJECT_BYTES)

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        if self._held.strip(_WHITE):
            raise PeerError("server", "ends in the middle of an object")
        if self._held:
            yield self._cut_all()

    def _scan(self) -> Iterator[Run]:
        while True:
            if self._in_string and not self._string_ends():
                return
            between = _BETWEEN.match(self._held, self._scanned)
            if between is not None:
                self._scanned = between.end()
            if self._scanned == len(self._held):
                return
            byte = self._held[self._scanned]
            self._scanned += 1
            if byte == _QUOTE:
                self._in_string = True
            elif byte in _OPEN:
                if run := self._opened(byte, self._scanned - 1):
                    yield run
            elif run := self._closed(byte):
                yield run

    def _string_ends(self) -> bool:
        """Whether a string that was not whole is now; it is looked at from where that stopped."""
        found = _IN_STRING.match(self._held, self._scanned)
        if found is not None:
            self._scanned = found.end()
        if self._scanned >= len(self._held) or self._held[self._scanned] != _QUOTE:
            return False
        self._scanned += 1
        self._in_string = False
        return True

    def _name_before(self, bracket: int) -> bytes:
        """The name of the member whose value begins here."""
        found = _LAST_STRING.search(self._held, max(0, bracket - _NAME_BYTES), bracket)
        return found[1] if found else b""

    def _opened(self, bracket: int, start: int) -> Run | None:
        self._stack.append(bracket)
        if self._lists and len(self._stack) == 2 and bracket == 0x5B and self._name_before(start) in _ARRAYS:
            self._in_list = self._had_list = True
            return self._cut(start + 1, seen=False)
        if self._in_list and len(self._stack) == 3:
            # Commas and spaces between items.
            return self._cut(start, seen=False) if self._held[:start] else None
        return None

    def _closed(self, bracket: int) -> Run | None:
        if not self._stack or self._stack[-1] != bracket - 2:
            raise PeerError("server", "sends what is no JSON")
        self._stack.pop()
        depth = len(self._stack)
        if self._in_list:
            if depth == 1:
                self._in_list = False
                return None
            return self._cut(self._scanned, seen=True) if depth == 2 else None
        if depth == 0:
            # What is left of a list stands around its items.
            whole, self._had_list = not self._had_list, False
            return self._cut(self._scanned, seen=whole)
        return None

    def _cut_all(self) -> Run:
        return self._cut(len(self._held), seen=False)

    def _cut(self, end: int, *, seen: bool) -> Run:
        data = bytes(self._held[:end])
        del self._held[:end]
        self._scanned -= end
        if not seen:
            return Run(data)
        return Run(
            data, Document("object"), data.strip(_WHITE).decode("utf-8", "surrogateescape"), self._rebuild(data)
        )

    def _rebuild(self, data: bytes) -> Any:
        def rebuild(text: str) -> bytes:
            try:
                before, after = json.loads(data), json.loads(text)
            except (ValueError, RecursionError):
                raise Unfit("it is no object any more") from None
            if not isinstance(after, dict) or not isinstance(before, dict):
                raise Unfit("it is no object any more")
            note_masks(self._session, self._resource, _stored(before), _stored(after))
            start, end = len(data) - len(data.lstrip(_WHITE)), len(data.rstrip(_WHITE))
            return data[:start] + text.encode("utf-8", "surrogateescape") + data[end:]

        return rebuild


def _stored(document: dict[str, Any]) -> Any:
    """The object in an event or a row, which is what would be sent back."""
    inner = document.get("object")
    return inner if isinstance(inner, dict) and ("type" in document or "cells" in document) else document
