"""In which form a body is, by the media types that the API server takes for each method."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from hoopaddon.adapters.kubernetes.body.protobuf import read_protobuf
from hoopaddon.adapters.kubernetes.body.text import read_json, read_yaml
from hoopaddon.adapters.kubernetes.request.query import shown
from hoopaddon.errors import Unparsable

UNSUPPORTED = "415"
JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"

PATCHES = MappingProxyType(
    {
        "application/json-patch+json": "json",
        "application/merge-patch+json": "merge",
        "application/strategic-merge-patch+json": "strategic",
        "application/apply-patch+yaml": "apply",
    }
)
"""What a PATCH may have as media type, and what kind of patch that is. CBOR is refused, as everywhere."""

_READERS = {"": read_json, JSON: read_json, YAML: read_yaml, PROTOBUF: read_protobuf}


def read_object(media_type: str, data: bytes) -> Any:
    """An object. Raises `Unparsable`. Without a media type the server takes JSON."""
    reader = _READERS.get(media_type)
    if reader is None:
        raise Unparsable(f"a body in {shown(media_type)}: send {JSON}", code=UNSUPPORTED)
    try:
        document = reader(data)
    except Unparsable as e:
        if media_type == PROTOBUF:
            raise Unparsable(f"{e.reason}: send {JSON}", code=UNSUPPORTED) from None
        raise
    if not isinstance(document, Mapping):
        raise Unparsable("a body that is no object")
    return document


def read_patch(media_type: str, data: bytes) -> tuple[str, Any]:
    """The kind of a patch, and the patch. Raises `Unparsable`."""
    kind = PATCHES.get(media_type)
    if kind is None:
        raise Unparsable(
            f"a patch in {shown(media_type) or 'no media type'}: send one of {', '.join(PATCHES)}", code=UNSUPPORTED
        )
    document = read_yaml(data) if kind == "apply" else read_json(data)
    if not isinstance(document, list if kind == "json" else Mapping):
        raise Unparsable("a patch that is no patch of its media type")
    return kind, document
