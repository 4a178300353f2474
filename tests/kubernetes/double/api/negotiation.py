"""Bodies: which form a client sends, and which it wants."""

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tests.kubernetes.double.api.protobuf import PROTOBUF, decode, encodable, encode
from tests.kubernetes.double.api.status import bad_request, not_acceptable, unsupported_media
from tests.kubernetes.double.web.message import HeaderLines, Request

type Json = dict[str, Any]

JSON, YAML_TYPE = "application/json", "application/yaml"
MADE = (JSON, YAML_TYPE, PROTOBUF)
_COMPRESSED_FROM = 128 * 1024


@dataclass(frozen=True, slots=True)
class MediaType:
    """One type out of an Accept header, with its parameters."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def transform(self) -> str:
        """`Table` or `PartialObjectMetadata…`, if that is asked for."""
        return self.parameters.get("as", "")

    def header(self) -> str:
        """As Content-Type has it."""
        return ";".join([self.name, *(f"{name}={value}" for name, value in self.parameters.items())])


def media_types(header: str) -> list[MediaType]:
    """What an Accept or Content-Type header lists."""
    found = []
    for part in filter(None, (part.strip() for part in header.split(","))):
        name, *rest = (word.strip() for word in part.split(";"))
        pairs = (word.partition("=") for word in rest if word)
        found.append(MediaType(name, {key.strip(): value.strip() for key, _, value in pairs if key.strip() != "q"}))
    return found


_TRANSFORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")


def wanted(request: Request, kind: str = "") -> MediaType:
    """The first form that the client accepts and this server makes of a kind."""
    accepted = media_types(",".join(request.all("accept"))) or [MediaType(JSON)]
    for one in accepted:
        if one.transform and (one.transform not in _TRANSFORMS or one.parameters.get("g") != "meta.k8s.io"):
            continue
        if one.name in (JSON, YAML_TYPE):
            return one
        if one.name == PROTOBUF and not one.transform and (not kind or encodable(kind)):
            return one
        if one.name in ("*/*", "application/*"):
            return MediaType(JSON)
    raise not_acceptable(MADE)


def read(request: Request) -> Json:
    """A request's body as the JSON that it stands for."""
    kind = media_types(request.header("content-type", JSON))[0].name
    if kind == PROTOBUF:
        return decode(request.body)
    if kind in (YAML_TYPE, "application/x-yaml", "text/yaml"):
        return _object(from_yaml(request.body))
    if kind in (JSON, "text/plain", "application/octet-stream"):
        return _object(from_json(request.body))
    raise unsupported_media(MADE)


def from_json(body: bytes) -> Any:
    """JSON, or a refusal."""
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request(f"the object provided is unrecognized (must be of type {JSON}): {error}") from error


def from_yaml(body: bytes) -> Any:
    """YAML (of which JSON is a part), or a refusal."""
    try:
        return YAML(typ="safe", pure=True).load(body)
    except YAMLError as error:
        raise bad_request(f"error parsing YAML: {error}") from error


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise bad_request("the object provided is unrecognized (must be of type Object): the body is no object")
    return value


def written(obj: Json, media: MediaType) -> bytes:
    """An object in the form that was asked for."""
    if media.name == PROTOBUF:
        return encode(obj)
    if media.name == YAML_TYPE:
        out = StringIO()
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.dump(obj, out)
        return out.getvalue().encode()
    return json.dumps(obj, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def compressed(request: Request, body: bytes, headers: HeaderLines) -> bytes:
    """A big body as gzip, for a client that takes it."""
    headers.append(("Vary", "Accept-Encoding"))
    takes = any("gzip" in value for value in request.all("accept-encoding"))
    if len(body) < _COMPRESSED_FROM or not takes:
        return body
    headers.append(("Content-Encoding", "gzip"))
    return gzip.compress(body, 1)
