"""Have people and agents say why, before they may do anything; what they say is recorded with each command.

`--set reason_pattern='[A-Z]+-[0-9]+'` asks for a ticket, `--set reason_not_for=select,get,list,ls` not for reads.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mitmproxy.exceptions import OptionsError

from hoopaddon import (
    Addon,
    Command,
    ContextCommand,
    HttpCommand,
    KubeCommand,
    Loader,
    Refused,
    Session,
    ShellCommand,
    SqlCommand,
    ToolCommand,
    TraceLine,
    ctx,
)
from hoopaddon.hazards import verbs_tell

KEY = "require_reason"
SETTING = "hoopaddon.reason"
ANNOTATION = "hoopaddon.io/reason"
META = "hoopaddon/reason"
VARIABLE = "REASON"
MAX_REASON_CHARS = 200
MAX_COMMENT_CHARS = 1000

_AT_THE_START = re.compile(r"\s*/\*\s*reason:([^*]+)\*/", re.IGNORECASE)
_AT_THE_END = re.compile(r"/\*\s*reason:([^*]+)\*/[\s;]*\Z", re.IGNORECASE)
_LABELLED = re.compile(r"\s*reason[:=](.+)", re.IGNORECASE | re.DOTALL)
_UNSEEN = re.compile(r"[^\x20-\x7e\xa0-\u1fff\u2070-\ud7ff\ue000-\ufffd]+")

# What drivers send by themselves, and what gives a reason: none of it touches any data.
_PREPARES = frozenset(
    {
        *("begin", "commit", "rollback", "savepoint", "release", "set", "show", "reset", "discard", "deallocate"),
        *("initialize", "tools/list", "list"),
    }
)
_HOW = {
    "postgres": f"SET {SETTING} = '…', or begin with /* reason: … */",
    "ssh": f"begin with {VARIABLE}='…', or type that once in a line of its own",
    "http": "send it in the header {header}",
    "kubernetes": f"kubectl --field-manager='reason: …', or the annotation {ANNOTATION}",
    "mcp": f"send it in _meta, as {META}",
}


class RequireReason(Addon):
    """A reason is for one command (a comment, a header, `_meta`), or for the session from there on."""

    def __init__(self) -> None:
        self._pattern = re.compile(r"\S.*\S")
        self._shown_pattern = ""
        self._labels: dict[str, str] = {}
        self._except: frozenset[str] = frozenset()
        self._not_for: frozenset[str] = frozenset()
        self._header = ""

    def load(self, loader: Loader) -> None:
        add = loader.add_option
        add("reason_pattern", str, "", "What a reason has to hold, as `[A-Z]+-[0-9]+` for a ticket.")
        add("reason_labels", Sequence[str], [], "Only on targets with all of these labels, as `env=prod`.")
        add("reason_except", Sequence[str], [], "Groups whose members need none.")
        add("reason_not_for", Sequence[str], [], "Verbs that need none, as `select,get,list,ls`.")
        add("reason_header", str, "X-Access-Reason", "The header in which a request over HTTP has it.")

    def configure(self, updated: set[str]) -> None:
        options = ctx.options
        try:
            pattern = re.compile(options.reason_pattern or r"\S.*\S")
        except re.error as e:
            raise OptionsError(
                f"reason_pattern: not a regular expression ({e}); write for example OPS-[0-9]+"
            ) from None
        if not re.fullmatch(r"[A-Za-z0-9-]+", options.reason_header):
            raise OptionsError("reason_header: no name of a header; write for example X-Access-Reason")
        self._labels = _labels(_listed(options.reason_labels))
        self._except = frozenset(_listed(options.reason_except))
        self._not_for = frozenset(verb.lower() for verb in _listed(options.reason_not_for))
        self._pattern, self._shown_pattern, self._header = pattern, options.reason_pattern, options.reason_header

    def command(self, command: Command) -> None:
        session = command.session
        if self._except & session.user.groups or not self._labels.items() <= session.target.labels.items():
            return
        own = self._reason_in(_of_command(command, self._header))
        lasting = self._reason_in(_of_session(command))
        if lasting:
            session.vars[KEY] = lasting
        elif _takes_back(command):
            session.vars.pop(KEY, None)
        reason = own or lasting or session.vars.get(KEY, "") or self._reason_in(_announced(session))
        if reason:
            _note(command, reason)
        elif not self._needs_none(command):
            raise Refused(f"say why first: {self._how(session)}")

    def _reason_in(self, texts: Iterable[str]) -> str:
        for text in texts:
            reason = _UNSEEN.sub(" ", text).strip()[:MAX_REASON_CHARS]
            if self._pattern.search(reason):
                return reason
        return ""

    def _needs_none(self, command: Command) -> bool:
        if command.hook == "ssh_shell" or (isinstance(command, ContextCommand) and command.to_client):
            return True
        if isinstance(command, SqlCommand) and any("two-phase" in s.clauses for s in command.statements):
            return False
        prepares = _PREPARES if isinstance(command, SqlCommand | ContextCommand) else frozenset()
        return bool(command.verbs) and command.verbs <= self._not_for | prepares and verbs_tell(command)

    def _how(self, session: Session) -> str:
        how = _HOW.get(session.target.protocol, "this protocol has no place for it").format(header=self._header)
        return f"{how} (it has to match {self._shown_pattern})" if self._shown_pattern else how


def _note(command: Command, reason: str) -> None:
    """Leave the reason in the command's trace, which is recorded with it."""
    if not any(line.addon == KEY for line in command.trace):
        command.trace.append(TraceLine(KEY, command.hook, "reason", reason, 0))


def _of_command(command: Command, header: str) -> Iterator[str]:
    """What a command says of itself alone."""
    if isinstance(command, SqlCommand):
        # No literal of a text begins before its first word, or ends with a comment.
        for found in (_AT_THE_START.match(command.text, 0, MAX_COMMENT_CHARS), _last_comment(command.text)):
            if found:
                yield found[1]
    elif isinstance(command, HttpCommand):
        yield from command.headers.all(header)
    elif isinstance(command, ToolCommand):
        for text in command.parameters:
            yield from _in_meta(json.loads(text))
    elif isinstance(command, ContextCommand) and not command.to_client:
        yield from _in_meta(command.params)


def _last_comment(text: str) -> re.Match[str] | None:
    at = text.rfind("/*", max(0, len(text) - MAX_COMMENT_CHARS))
    return _AT_THE_END.match(text, at) if at >= 0 else None


def _in_meta(params: Mapping[str, Any]) -> Iterator[str]:
    meta = params.get("_meta")
    if isinstance(meta, Mapping) and isinstance(meta.get(META), str):
        yield meta[META]


def _of_session(command: Command) -> Iterator[str]:
    """What a command says for those that follow it, too."""
    if isinstance(command, SqlCommand):
        for statement in command.statements:
            if statement.verb in ("set", "select") and not statement.explained:
                yield statement.settings.get(SETTING) or ""
    elif isinstance(command, ShellCommand):
        yield from _variables(command)
    elif isinstance(command, KubeCommand):
        if found := _LABELLED.match(command.options.get("fieldManager", "")):
            yield found[1]
        for change in command.changes:
            yield from _annotated(change)
    elif command.hook == "ssh_shell":
        yield from _sent_along(command)


def _variables(command: ShellCommand) -> Iterator[str]:
    """`REASON=… COMMAND`, `REASON=…` by itself, and a variable of that name that the client sends along."""
    yield from _sent_along(command)
    for program in command.programs:
        yield program.sets.get(VARIABLE) or ""


def _sent_along(command: Command) -> Iterator[str]:
    for text in map(str, command.parameters):
        name, _, value = text.partition("=")
        if name == VARIABLE:
            yield value


def _annotated(change: Any) -> Iterator[str]:
    metadata = change.get("metadata") if isinstance(change, Mapping) else None
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if isinstance(annotations, Mapping) and isinstance(annotations.get(ANNOTATION), str):
        yield annotations[ANNOTATION]


def _takes_back(command: Command) -> bool:
    """RESET of the setting, of all settings, or one that is set to what is no reason."""
    if not isinstance(command, SqlCommand):
        return False
    return any(
        SETTING in s.settings or (s.verb == "reset" and "all" in s.clauses) or s.verb == "discard"
        for s in command.statements
    )


def _announced(session: Session) -> Iterator[str]:
    """`application_name` of a database's client: `reason: OPS-12`."""
    if found := _LABELLED.match(session.parameters.get("application_name", "")):
        yield found[1]


def _labels(pairs: Iterable[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise OptionsError(f"reason_labels: {pair!r} is no label; write name=value, for example env=prod")
        labels[name.strip()] = value.strip()
    return labels


def _listed(values: Iterable[str]) -> list[str]:
    """The items of an option that may be given several times, with commas, or both."""
    return [item.strip() for value in values for item in value.split(",") if item.strip()]


addons = [RequireReason()]
