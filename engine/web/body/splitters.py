"""Which splitter cuts which kind of body."""

from collections.abc import Iterator

from hoopaddon.errors import Refused
from hoopaddon.web.body.events import EventSplitter
from hoopaddon.web.body.grpc import GrpcSplitter, MessageSplitter
from hoopaddon.web.body.jsonruns import JsonSplitter
from hoopaddon.web.body.lines import LineSplitter
from hoopaddon.web.body.media import Kind, MediaType, is_json, is_text
from hoopaddon.web.body.multipart import MultipartSplitter
from hoopaddon.web.body.records import RecordSplitter
from hoopaddon.web.body.runs import Document, Run, Splitter

_MOST_NESTED = 3
MAY_BE_JSON = frozenset({Kind.TEXT, Kind.CSV, Kind.FORM, Kind.PROTOBUF, Kind.BINARY})
"""What claims to be of such a kind is JSON where it begins like that."""


class BinarySplitter:
    """What is no text passes as it is, once the policies have seen its media type: they may refuse that."""

    def __init__(self, name: str) -> None:
        self._name: str | None = name or "application/octet-stream"

    def runs(self, data: bytes) -> Iterator[Run]:
        """See `Splitter`."""
        if self._name is not None:
            name, self._name = self._name, None
            yield Run(b"", Document("binary"), name, lambda _text: b"")
        yield Run(data)

    def rest(self) -> Iterator[Run]:
        """See `Splitter`."""
        return iter(())


def actual_kind(media: MediaType, start: bytes) -> Kind:
    """What a body is that claims to be of a type and begins so. No type hides JSON or text from the policies."""
    kind = media.kind
    if kind in MAY_BE_JSON and is_json(start):
        return Kind.JSON
    if kind is Kind.BINARY and is_text(start):
        return Kind.TEXT
    return kind


def splitter(kind: Kind, media: MediaType, limit: int, coding: str = "", nested: int = 0) -> Splitter:
    """The splitter for this kind. `limit` bounds what has to be whole to be looked into; `coding` is gRPC's.

    Raises `Refused` for what nobody can look into.
    """
    match kind:
        case Kind.JSON:
            return JsonSplitter()
        case Kind.JSON_LINES:
            return JsonSplitter(lines=True)
        case Kind.EVENTS:
            return EventSplitter(limit)
        case Kind.CSV:
            return RecordSplitter("csv", b"\r\n", limit, quotes=media.name != "text/tab-separated-values")
        case Kind.FORM:
            return RecordSplitter("form", b"&;", limit, quotes=False)
        case Kind.GRPC:
            return GrpcSplitter(media.name, coding, limit)
        case Kind.PROTOBUF:
            return MessageSplitter(media.name, limit)
        case Kind.TEXT:
            return LineSplitter()
        case Kind.BINARY:
            return BinarySplitter(media.name)
        case Kind.MULTIPART if media.boundary and nested < _MOST_NESTED:
            return MultipartSplitter(
                media.boundary,
                lambda part, start: splitter(actual_kind(part, start), part, limit, "", nested + 1),
            )
    raise Refused("the parts of the body cannot be told apart, so they cannot be looked into")
