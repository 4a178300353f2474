"""JSON and YAML as the API server reads them, refused where it might read something else than is seen here.

Go's decoders take the last of two equal keys, which a `fieldValidation=Ignore` makes them do in silence: here that is
refused, always.
"""

import json
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import ComposerError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent, MappingStartEvent, NodeEvent, ScalarEvent, SequenceStartEvent

from hoopaddon.errors import Unparsable

MAX_NODES = 200_000
"""Of YAML, whose reader is slow: more than any object that fits into the API's store has."""
_MAX_DEPTH = 200
_CORE_TAGS = frozenset({"tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "!"})


def read_json(data: bytes) -> Any:
    """The document. Raises `Unparsable`."""
    text = _utf8(data)
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as e:
        raise Unparsable(f"a body that is not JSON, at byte {e.pos}") from None
    except RecursionError:
        raise Unparsable("a body that nests too deep") from None
    except ValueError:
        raise Unparsable("a body with a number that is too long") from None


def read_yaml(data: bytes) -> Any:
    """The one document of a YAML text. Raises `Unparsable`.

    JSON is YAML, and is what most clients send as such. Merge keys (`<<`) are refused, for the server's reader and
    others disagree about which value wins; so are tags, and a second document, which the server would not look at.
    """
    text = _utf8(data)
    if text.lstrip()[:1] in ("{", "["):
        return read_json(data)
    try:
        _check(text)
        yaml = YAML(typ="safe", pure=True)
        yaml.version = (1, 1)
        yaml.allow_duplicate_keys = False
        document = yaml.load(text)
    except DuplicateKeyError:
        raise Unparsable("a body with a key that stands twice in one object") from None
    except ComposerError:
        raise Unparsable("a body of several YAML documents, or with an alias to nothing") from None
    except (YAMLError, ValueError, RecursionError):
        raise Unparsable("a body that is not YAML") from None
    return _as_json(document, [MAX_NODES], 0)


def _utf8(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Unparsable("a body that is not UTF-8") from None
    if text.startswith("\ufeff"):
        raise Unparsable("a body that begins with a byte order mark")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unparsable("a body with a key that stands twice in one object")
    return found


def _constant(name: str) -> Any:
    raise Unparsable(f"a body with {name}, which is not JSON")


def _check(text: str) -> None:
    """Looks at the events before anything is built from them."""
    nodes = 0
    for event in YAML(typ="safe", pure=True).parse(text):
        nodes += isinstance(event, NodeEvent)
        if nodes > MAX_NODES:
            raise Unparsable("a YAML body with more parts than any object has")
        if isinstance(event, ScalarEvent) and event.value == "<<" and not event.style:
            raise Unparsable("a YAML body with a merge key (<<): write it out")
        if isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent) and _is_tagged(event):
            raise Unparsable("a YAML body with a tag")
        if isinstance(event, AliasEvent):
            nodes += 1


def _is_tagged(event: Any) -> bool:
    tag = event.tag
    return tag is not None and str(tag) not in _CORE_TAGS


def _as_json(value: Any, budget: list[int], depth: int) -> Any:
    """The value with JSON's types only; what aliases repeat is counted each time."""
    budget[0] -= 1
    if budget[0] < 0 or depth > _MAX_DEPTH:
        raise Unparsable("a YAML body with more parts than any object has")
    match value:
        case dict():
            found = {_key(key): _as_json(item, budget, depth + 1) for key, item in value.items()}
            if len(found) != len(value):
                raise Unparsable("a body with a key that stands twice in one object")
            return found
        case list():
            return [_as_json(item, budget, depth + 1) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _key(key: Any) -> str:
    """A key that is no text becomes one, as sigs.k8s.io/yaml does on the way to JSON."""
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, str | int | float):
        return str(key)
    raise Unparsable("a YAML body with a key that is no text")
