"""What comes back in protobuf, object by object as in JSON: for clients that take nothing else.

In a list the length of the whole stands before the items, so it leaves once all of them have been looked at.
"""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hoopaddon.adapters.kubernetes.body.protobuf import MAGIC, fields_of, message_of, read_message
from hoopaddon.adapters.kubernetes.body.protobuf_edit import edited_message
from hoopaddon.adapters.kubernetes.body.wire import (
    BYTES,
    length_delimited,
    read_varint,
    single_fields,
    varint,
    wire_fields,
)
from hoopaddon.adapters.kubernetes.masked import note_masks
from hoopaddon.adapters.kubernetes.results import OBJECT_BYTES
from hoopaddon.errors import PeerError, Unparsable
from hoopaddon.session import Session
from hoopaddon.web.body.runs import Document, Run, Unfit

LIST_BYTES = 32 << 20
"""A larger list is not kept: it can be asked for in parts, or in JSON."""

_TYPE, _OBJECT = 1, 2
_BROKEN = (ValueError, IndexError, struct.error, AttributeError, TypeError, OverflowError, KeyError)


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """The server sends something broken, or what only it can read."""
    try:
        yield
    except Unparsable as e:
        raise e if e.code else _not_acceptable(f"{e.reason}:") from None
    except _BROKEN:
        raise PeerError("server", what) from None


def _not_acceptable(why: str) -> Unparsable:
    return Unparsable(f"the answer is {why} ask for application/json", code="406")


class ProtobufSplitter:
    """One object or one list in its envelope, or with `watch` events behind their lengths; see `Splitter`."""

    def __init__(self, session: Session, resource: str, *, watch: bool) -> None:
        self._session, self._resource, self._watch = session, resource, watch
        self._held = bytearray()
        self._list: _List | None = None

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        self._held += data
        with _blamed("sends what is no protobuf"):
            yield from self._events() if self._watch else self._items()
        kept = len(self._held) + (self._list.bytes if self._list else 0)
        if kept > (LIST_BYTES if self._list else OBJECT_BYTES):
            raise _not_acceptable("a list that is too large in protobuf: ask for less with limit=, or")

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        with _blamed("ends in the middle of an object"):
            if self._list is not None:
                yield Run(self._list.whole(bytes(self._held)))
            elif self._held and not self._watch:
                yield self._object(bytes(self._held))
            elif self._held:
                raise ValueError

    # -- a watch: `WatchEvent` in frames of four bytes of length (apimachinery, pkg/runtime/serializer/protobuf)

    def _events(self) -> Iterator[Run]:
        while len(self._held) >= 4:
            end = 4 + int.from_bytes(self._held[:4], "big")
            if end > OBJECT_BYTES:
                raise PeerError("server", "sends an object larger than any that it stores", limit=OBJECT_BYTES)
            if len(self._held) < end:
                return
            frame = bytes(self._held[4:end])
            del self._held[:end]
            yield self._event(frame)

    def _event(self, frame: bytes) -> Run:
        fields = single_fields(frame)
        envelope = single_fields(fields.get(2, b"")).get(1, b"")
        inner = _Envelope(envelope)
        event = {"type": fields.get(1, b"").decode(), "object": inner.document()}

        def rebuilt(after: Any) -> bytes:
            if not isinstance(after, dict) or after.keys() != event.keys() or after["type"] != event["type"]:
                raise Unfit("it is no event any more")
            changed = inner.edited(event["object"], after["object"])
            said = length_delimited(1, event["type"].encode()) if 1 in fields else b""
            said += length_delimited(2, length_delimited(1, changed))
            return struct.pack(">I", len(said)) + said

        return self._run(struct.pack(">I", len(frame)) + frame, event, event["object"], rebuilt)

    # -- one object, or a list

    def _object(self, data: bytes) -> Run:
        envelope = _Envelope(data)
        document = envelope.document()
        return self._run(data, document, document, lambda after: envelope.edited(document, after))

    def _items(self) -> Iterator[Run]:
        if self._list is None:
            self._list = _begun_list(self._held)
        while self._list is not None and (item := self._list.next_item(self._held)) is not None:
            yield self._item(self._list, *item)

    def _item(self, of: "_List", place: int, data: bytes) -> Run:
        document = read_message(of.item_message, data)

        def rebuilt(after: Any) -> bytes:
            of.replace(place, edited_message(of.item_message, data, document, after))
            return b""

        return self._run(b"", document, document, rebuilt)

    def _run(self, data: bytes, shown: Any, stored: Any, rebuilt: Any) -> Run:
        def rebuild(text: str) -> bytes:
            try:
                after = json.loads(text)
            except (ValueError, RecursionError):
                raise Unfit("it is no object any more") from None
            changed: bytes = rebuilt(after)
            note_masks(self._session, self._resource, stored, after["object"] if stored is not shown else after)
            return changed

        return Run(data, Document("object"), json.dumps(shown, ensure_ascii=False), rebuild)


class _Envelope:
    """`runtime.Unknown` around one object."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(MAGIC):
            raise ValueError("no envelope")
        self._data = data[len(MAGIC) :]
        fields = single_fields(self._data)
        if any(value for number, value in fields.items() if number not in (_TYPE, _OBJECT)):
            raise Unparsable("a body in protobuf with an encoding of its own")
        self._type, self._raw = read_type(fields.get(_TYPE, b"")), fields.get(_OBJECT, b"")
        self._message = message_of(*self._type)

    def document(self) -> dict[str, Any]:
        """What it would be in JSON."""
        return {"kind": self._type[1], "apiVersion": self._type[0], **read_message(self._message, self._raw)}

    def edited(self, before: Any, after: Any) -> bytes:
        """The envelope with `after` in it. Raises `Unfit`."""
        if not isinstance(after, dict) or (after.get("apiVersion"), after.get("kind")) != self._type:
            raise Unfit("it is of another kind")
        changed = edited_message(self._message, self._raw, before, after)
        parts = (
            length_delimited(_OBJECT, changed) if field.number == _OBJECT else field.whole
            for field in wire_fields(self._data)
        )
        return MAGIC + b"".join(parts)


def read_type(data: bytes) -> tuple[str, str]:
    """`runtime.TypeMeta`: the API version, and the kind."""
    fields = single_fields(data)
    return fields.get(1, b"").decode(), fields.get(2, b"").decode()


class _List:
    """A list whose items come one by one: `head` stands before it, and `left` bytes of it have not come yet."""

    def __init__(self, head: bytes, message: str, items: int, item_message: str, left: int) -> None:
        self._head, self._message, self._items, self._left = head, message, items, left
        self.item_message = item_message
        self._parts: list[bytes] = []
        self.bytes = 0

    def next_item(self, held: bytearray) -> tuple[int, bytes] | None:
        """The place and the bytes of the next item that is whole; all before it is kept."""
        while self._left:
            try:
                key, at = read_varint(held, 0)
                size, at = read_varint(held, at)
            except IndexError:
                return None
            if key & 7 != BYTES or at + size > self._left:
                raise ValueError("no list")
            if len(held) < at + size:
                return None
            whole = bytes(held[: at + size])
            del held[: at + size]
            self._left -= len(whole)
            self._keep(whole)
            if key >> 3 == self._items:
                return len(self._parts) - 1, whole[at:]
            read_message(self._message, whole)
        return None

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)
        self.bytes += len(part)

    def replace(self, place: int, item: bytes) -> None:
        """Put another item in the place of one."""
        self._parts[place] = length_delimited(self._items, item)

    def whole(self, tail: bytes) -> bytes:
        """The list in its envelope. Raises `ValueError` where something of it is missing."""
        if self._left or any(field.value for field in wire_fields(tail)):
            raise ValueError("not whole")
        body = b"".join(self._parts)
        return self._head + varint(_OBJECT << 3 | BYTES) + varint(len(body)) + body + tail


def _begun_list(held: bytearray) -> _List | None:
    """The list that begins here, if it is one: taken out up to its first field. None too while that is not clear."""
    try:
        key, at = read_varint(held, len(MAGIC))
        size, at = read_varint(held, at)
        end = at + size
        object_key, at_object = read_varint(held, end)
        left, at_object = read_varint(held, at_object)
    except IndexError:
        return None
    if not held.startswith(MAGIC) or (key, object_key) != (_TYPE << 3 | BYTES, _OBJECT << 3 | BYTES):
        return None
    message = message_of(*read_type(bytes(held[at:end])))
    items = next(((n, f) for n, f in fields_of(message).items() if f.name == "items" and f.repeated), None)
    if items is None or not message.endswith("List"):
        return None
    head = bytes(held[:end])
    del held[:at_object]
    return _List(head, message, items[0], items[1].type, left)
