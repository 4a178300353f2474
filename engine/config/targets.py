"""The section `targets:`: each becomes the mode that the command line would name it by."""

import difflib
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from mitmproxy.proxy.mode_specs import ProxyMode

from hoopaddon.adapter import TargetAdapter, adapters
from hoopaddon.config.document import Item
from hoopaddon.config.draft import Draft, FileTarget
from hoopaddon.config.fields import Field, Found, read_fields, schema_of
from hoopaddon.config.kinds import Integer, Kind, Listen, Reference, Schema, Text, TextList, TextMapping
from hoopaddon.errors import ConfigError
from hoopaddon.target import NoAddress, Setting, TargetForm

HELP = "What the gateway stands in front of: a name for each target, and under it where and how."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_NAME_RULE = "letters, digits, dots, hyphens and underscores, 63 at most, with a letter or digit first"
_UNWRITABLE = frozenset("|?#&")
_KINDS: Mapping[str, Kind] = {
    "text": Text(),
    "file": Text(),
    "number": Integer(least=0),
    "list": TextList(),
    "reference": Reference(),
    "named reference": Reference(named=True),
}


@cache
def protocols() -> dict[str, TargetAdapter]:
    """The protocols that targets may have, by name."""
    return {name: adapter for name, adapter in sorted(adapters().items()) if isinstance(adapter, TargetAdapter)}


@cache
def fields_of(protocol: str) -> dict[str, Field]:
    """The keys of a target of this protocol."""
    form = protocols()[protocol].form
    listen = f"Where clients connect: PORT or HOST:PORT; {protocols()[protocol].mode.default_port} without it."
    fields = {
        "protocol": Field(Text(tuple(protocols())), "What the target speaks.", required=True),
        "address": Field(Text(), f"Where the target is: {form.address}.", required=True),
        "listen": Field(Listen(), listen),
        "labels": Field(TextMapping(), "Names and texts for policies to go by."),
    }
    if form.allowable:
        fields["allow"] = Field(TextList(), f"What is off unless it is named here: {', '.join(form.allowable)}.")
    own = {name: setting for name, setting in form.keys.items() if name != "name"}
    return fields | {name: Field(_kind(setting), setting.help) for name, setting in own.items()}


def _kind(setting: Setting) -> Kind:
    return Text(setting.choices) if setting.choices else _KINDS[setting.kind]


class Targets:
    """The section; see the module."""

    help = HELP
    may_be_empty = True

    def read(self, item: Item, draft: Draft) -> None:
        """Add the targets to the draft."""
        if not item.is_mapping:
            raise item.is_no("a mapping of names to targets")
        for name, one in item.entries(draft.problems):
            try:
                self._read_one(name, one, draft)
            except ConfigError as e:
                draft.problems.append(e)
        self._check_listeners(draft)

    def _read_one(self, name: str, item: Item, draft: Draft) -> None:
        if not _NAME.fullmatch(name):
            raise item.wrong("is no name for a target", f"a name has {_NAME_RULE}")
        if not item.is_mapping:
            raise item.is_no("a mapping", "protocol: and address: are what it needs")
        protocol = _protocol(item)
        before = len(draft.problems)
        found = read_fields(item, fields_of(protocol), draft.problems)
        if len(draft.problems) > before:
            return
        form = protocols()[protocol].form
        _check_allowed(found, form)
        listen = found.values.get("listen", str(protocols()[protocol].mode.default_port))
        part = found.values["address"] + "?" + _query(name, found.values, form, draft)
        references = _references(found.values, form, draft)
        target = FileTarget(name, protocol, part, listen, item, found.items, references)
        _check_mode(target, form, found)
        draft.targets.append(target)

    def _check_listeners(self, draft: Draft) -> None:
        """Each place to listen at has one protocol, and what stands there together has to go together."""
        first: dict[str, FileTarget] = {}
        for target in draft.targets:
            port = target.listen.rpartition(":")[2]
            other = first.setdefault(port if ":" not in target.listen else target.listen, target)
            if other.protocol != target.protocol:
                message = f"is where {other.name} (line {other.item.line}) listens for {other.protocol} already"
                place = target.items.get("listen", target.item)
                draft.problems.append(place.wrong(message, "a listener has one protocol: choose another port"))
        if draft.problems:
            return
        for mode in draft.modes:
            try:
                ProxyMode.parse(mode)
            except ValueError as e:
                there = [t for t in draft.targets if mode == t.mode or f"@{t.listen}" == mode[mode.rindex("@") :]]
                where = there[-1].items.get("listen", there[-1].item)
                draft.problems.append(where.wrong(f"what listens here does not go together: {e}"))

    def schema(self) -> Schema:
        """A target's keys depend on its protocol."""
        by_protocol = []
        for protocol in protocols():
            one = schema_of(fields_of(protocol))
            one["properties"]["protocol"] = {"const": protocol, "description": "What the target speaks."}
            if allowable := protocols()[protocol].form.allowable:
                one["properties"]["allow"] |= _schema_of_allow(allowable)
            by_protocol.append(one)
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
            "additionalProperties": {
                "type": "object",
                "required": ["protocol", "address"],
                "properties": {"protocol": {"enum": list(protocols())}},
                "oneOf": by_protocol,
            },
        }


def _schema_of_allow(allowable: Any) -> Schema:
    words = [word for word in allowable if not word.endswith(":NAME")]
    any_name = [{"pattern": f"^{word.removesuffix('NAME')}.+$"} for word in allowable if word.endswith(":NAME")]
    one: Schema = {"type": "string", "anyOf": [{"enum": words}, *any_name]} if any_name else {"enum": words}
    return {"anyOf": [one, {"type": "array", "items": one}]}


def _protocol(item: Item) -> str:
    """The protocol decides about all other keys, so it is read first."""
    problems: list[ConfigError] = []
    named = dict(item.entries(problems)).get("protocol")
    if named is None:
        if problems:
            raise problems[0]
        raise item.wrong("protocol is missing", f"write protocol: and one of {', '.join(protocols())}")
    protocol = Text().read(named)
    if protocol not in protocols():
        close = difflib.get_close_matches(protocol, protocols(), n=1)
        hint = f"did you mean {close[0]}?" if close else f"protocols are {', '.join(protocols())}"
        raise named.wrong("there is no such protocol", hint)
    return protocol


def _check_allowed(found: Found, form: TargetForm) -> None:
    for word in found.values.get("allow", ()):
        if not form.may_allow(word):
            raise found.items["allow"].wrong(f"has to name what may be allowed: {', '.join(form.allowable)}")


def _query(name: str, values: dict[str, Any], form: TargetForm, draft: Draft) -> str:
    """The settings as a mode has them."""
    pairs = [("name", name)]
    for key, setting in form.keys.items():
        if key in values:
            pairs.append((key, _written(values[key], setting, draft)))
    pairs += [("label", f"{key}:{text}") for key, text in values.get("labels", {}).items()]
    pairs += [("allow", word) for word in values.get("allow", ())]
    return "&".join(f"{key}={quote(text, safe=':/,~')}" for key, text in pairs)


def _references(values: dict[str, Any], form: TargetForm, draft: Draft) -> dict[str, str]:
    """Where the target's secrets are, by key."""
    found = {}
    for key, setting in form.keys.items():
        if key in values and setting.kind in ("reference", "named reference"):
            text = _written(values[key], setting, draft)
            found[key] = text.partition(":")[2] if setting.kind == "named reference" else text
    return found


def _written(value: Any, setting: Setting, draft: Draft) -> str:
    if setting.kind == "file":
        return draft.beside(value)
    if setting.kind in ("reference", "named reference"):
        before, file, path = value.rpartition("file:")
        plain = not before or (setting.kind == "named reference" and before.count(":") == 1)
        return f"{before}{file}{draft.beside(path)}" if file and plain else str(value)
    return ",".join(value) if isinstance(value, list) else str(value)


def _check_mode(target: FileTarget, form: TargetForm, found: Found) -> None:
    """What no table of keys can tell: keys that need each other, addresses, forms of values."""
    address = found.items["address"]
    if _UNWRITABLE & set(found.values["address"]):
        raise address.wrong("is no address", f"write {form.address}")
    try:
        ProxyMode.parse(target.mode)
    except NoAddress as e:
        said = str(e)
        raise address.wrong("is no address", f"write {form.address}" if said.startswith("write ") else said) from None
    except ValueError as e:
        said = str(e)
        words = re.findall(r"[a-z_]+", said)
        about = next((target.items[word] for word in words if word in target.items), target.item)
        rest = said.removeprefix(f"{about.key.rpartition('.')[2]} ")
        raise about.wrong(rest if rest.startswith(("is ", "needs ", "pins ")) else said) from None
