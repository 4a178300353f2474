"""A refusal in gRPC's own words."""

from urllib.parse import quote

from hoopaddon.web.answer import WebAnswer
from hoopaddon.web.answers import UNQUOTED
from hoopaddon.web.request import Headers

_CODES = {401: 16, 403: 7, 404: 5, 413: 8, 429: 8, 502: 14, 503: 14}
"""gRPC's status for an HTTP one: UNAUTHENTICATED, PERMISSION_DENIED, NOT_FOUND, RESOURCE_EXHAUSTED, UNAVAILABLE."""
_UNKNOWN = 2


def grpc_status(content_type: str, status: int, reason: str) -> WebAnswer:
    """A call's end without a message: its status stands where the headers are (gRPC over HTTP/2, Trailers-Only)."""
    fields = (("content-type", content_type), ("grpc-status", str(_CODES.get(status, _UNKNOWN))))
    return WebAnswer(200, Headers((*fields, ("grpc-message", quote(reason, safe=UNQUOTED)))))
