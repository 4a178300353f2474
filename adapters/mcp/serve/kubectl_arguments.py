"""Which command lines of kubectl an agent may have run beside the gateway, and the one way in which each is written.

kubectl reads and writes files, starts editors and plugins, opens ports, and goes wherever a flag sends it. So what is
not listed here is refused, and what is listed is written anew: what was understood here is what kubectl understands.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hoopaddon.adapters.mcp.serve.calls import Refusal

MOST_ARGUMENTS = 200
MAX_ARGUMENT_BYTES = 1 << 16
"""Of all arguments together."""

_SHORT = {
    "A": "all-namespaces",
    "L": "label-columns",
    "f": "filename",
    "i": "stdin",
    "l": "selector",
    "n": "namespace",
    "o": "output",
    "q": "quiet",
}
_FORMS = {
    "filename": re.compile("-"),
    "output": re.compile(r"json|yaml|wide|name|(?:jsonpath|jsonpath-as-json|custom-columns)=.+", re.DOTALL),
    "raw": re.compile(r"/[^/].*", re.DOTALL),
}
_HINTS = {
    "filename": "manifests come by `stdin`, with -f -",
    "output": "it is json, yaml, wide, name, jsonpath=… or custom-columns=…",
    "raw": "it is a path of the API",
}
_SWITCH = re.compile("true|false")
_ANYTHING = re.compile(".*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Form:
    """One command: flags that end with `=` take a value, others are switches; of two names one is the short one."""

    flags: str
    names: bool = True
    """Whether anything may be named; without, the next word might be a command below this one."""
    runs: bool = False
    """Whether a command for the pod follows `--`."""

    def known(self) -> dict[str, bool]:
        """Whether each flag takes a value, by its long name."""
        found = ("namespace= " + self.flags).split()
        return {name.rpartition("/")[2].rstrip("="): name.endswith("=") for name in found}

    def short(self) -> dict[str, str]:
        """Long names by the short ones."""
        own = dict(name.rstrip("=").split("/") for name in self.flags.split() if "/" in name)
        return {**_SHORT, **own}


_LIST = "all-namespaces selector= field-selector= chunk-size= "
_SHOWN = "output= show-managed-fields "
_CHANGE = _SHOWN + "dry-run= field-manager= "
_SOME = "all selector= "
_PICK = _SOME + "all-namespaces field-selector= "
_GONE = "cascade= force grace-period= timeout= wait "
_SET = _CHANGE + _SOME + "filename= "
_DRAINS = "dry-run= selector= "

_COMMANDS = {
    "annotate": _Form(_CHANGE + _PICK + "filename= list overwrite resource-version="),
    "api-resources": _Form("api-group= categories= namespaced no-headers output= sort-by= verbs=", names=False),
    "api-versions": _Form("", names=False),
    "apply": _Form(
        _CHANGE + _GONE + "filename= selector= server-side force-conflicts overwrite validate= subresource=",
        names=False,
    ),
    "auth can-i": _Form("all-namespaces list no-headers quiet subresource="),
    "auth whoami": _Form("output=", names=False),
    "autoscale": _Form(_CHANGE + "filename= min= max= cpu= memory= name="),
    "cluster-info": _Form("", names=False),
    "cordon": _Form(_DRAINS),
    "create": _Form(_CHANGE + "filename= save-config selector= validate=", names=False),
    "delete": _Form(_PICK + _GONE + "dry-run= filename= ignore-not-found now output="),
    "describe": _Form("all-namespaces selector= chunk-size= filename= show-events"),
    "drain": _Form(
        _DRAINS + "chunk-size= delete-emptydir-data disable-eviction force grace-period= ignore-daemonsets"
        " pod-selector= timeout="
    ),
    "events": _Form("all-namespaces chunk-size= for= no-headers output= types=", names=False),
    "exec": _Form("c/container= stdin quiet pod-running-timeout=", runs=True),
    "explain": _Form("api-version= output= recursive"),
    "expose": _Form(
        _CHANGE
        + "filename= l/labels= selector= name= port= protocol= target-port= type= cluster-ip= session-affinity="
    ),
    "get": _Form(
        _LIST + _SHOWN + "filename= ignore-not-found label-columns= no-headers raw= show-kind show-labels sort-by="
        " subresource="
    ),
    "label": _Form(_CHANGE + _PICK + "filename= list overwrite resource-version="),
    "logs": _Form(
        "c/container= p/previous all-containers all-pods ignore-errors limit-bytes= max-log-requests= prefix"
        " selector= since= since-time= tail= timestamps pod-running-timeout="
    ),
    "patch": _Form(_CHANGE + "filename= p/patch= type= subresource="),
    "replace": _Form(_CHANGE + _GONE + "filename= save-config validate= subresource=", names=False),
    "rollout history": _Form(_SHOWN + "filename= revision= selector="),
    "rollout pause": _Form(_SHOWN + "field-manager= filename= selector="),
    "rollout restart": _Form(_SHOWN + "field-manager= filename= selector="),
    "rollout resume": _Form(_SHOWN + "field-manager= filename= selector="),
    "rollout status": _Form("filename= revision= selector= timeout= w/watch"),
    "rollout undo": _Form(_SHOWN + "dry-run= filename= selector= to-revision="),
    "scale": _Form(_SHOWN + _SOME + "dry-run= filename= current-replicas= replicas= resource-version= timeout="),
    "set env": _Form(_SET + "c/containers= e/env= from= keys= list overwrite prefix= resolve"),
    "set image": _Form(_SET),
    "set resources": _Form(_SET + "c/containers= limits= requests="),
    "taint": _Form(_CHANGE + _SOME + "overwrite validate="),
    "top node": _Form("no-headers selector= sort-by="),
    "top pod": _Form("all-namespaces containers field-selector= no-headers selector= sort-by= sum"),
    "uncordon": _Form(_DRAINS),
    "version": _Form("output=", names=False),
    "wait": _Form(_PICK + _SHOWN + "filename= for= timeout="),
}
_PLURALS = {"top pods": "top pod", "top nodes": "top node"}


@dataclass(frozen=True, slots=True)
class Kubectl:
    """A command line that kubectl may be given, and whether it reads what comes by standard input."""

    arguments: tuple[str, ...]
    reads: bool


def kubectl(arguments: Sequence[str]) -> Kubectl:
    """The command line that these arguments are. Raises `Refusal` for what is not listed."""
    given = list(arguments)
    if given[:1] == ["kubectl"]:
        del given[0]
    if len(given) > MOST_ARGUMENTS or sum(len(one.encode("utf-8", "replace")) for one in given) > MAX_ARGUMENT_BYTES:
        raise Refusal("the command line is too long")
    if any("\0" in one or not _is_text(one) for one in given):
        raise Refusal("an argument has something in it that is no text")
    command, form = _command(given)
    parsed = _Parsed(command, form)
    parsed.read(given[len(command.split()) :])
    return parsed.written()


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _command(given: Sequence[str]) -> tuple[str, _Form]:
    for words in (2, 1):
        name = " ".join(given[:words])
        name = _PLURALS.get(name, name)
        # An argument with a blank in it is no two words.
        if name in _COMMANDS and len(given) >= words == len(name.split()):
            return name, _COMMANDS[name]
    raise Refusal(f"this tool has no such command; its commands, which come first: {', '.join(_COMMANDS)}")


class _Parsed:
    """What has been understood of a command line so far."""

    def __init__(self, command: str, form: _Form) -> None:
        self._command = command
        self._form = form
        self._known, self._short = form.known(), form.short()
        self._flags: list[tuple[str, str]] = []
        self._names: list[str] = []
        self._for_the_pod: list[str] = []

    def read(self, given: Sequence[str]) -> None:
        left = iter(given)
        for argument in left:
            if argument == "--":
                self._ends(list(left))
            elif argument.startswith("--"):
                name, equals, value = argument[2:].partition("=")
                self._flag(name, value if equals else None, left)
            elif argument in ("", "-"):
                raise Refusal("an argument names nothing")
            elif argument.startswith("-"):
                self._shorts(argument[1:], left)
            elif self._form.names:
                self._names.append(argument)
            else:
                raise Refusal(f"{self._command} names nothing here: what is meant stands in its flags")

    def _ends(self, rest: list[str]) -> None:
        if not self._form.runs or not rest or len(self._names) != 1:
            raise Refusal("write exec POD -- PROGRAM ARGUMENT…; other commands have no --")
        self._for_the_pod = rest

    def _shorts(self, letters: str, left: Iterator[str]) -> None:
        """`-n shop`, `-nshop`, `-n=shop`, or switches together."""
        while letters:
            name, letters = self._short.get(letters[0], f"-{letters[0]}"), letters[1:]
            if self._known.get(name, False) or letters.startswith("="):
                self._flag(name, letters.removeprefix("=") or None, left)
                return
            self._flag(name, None, left)

    def _flag(self, name: str, value: str | None, left: Iterator[str]) -> None:
        takes_value = self._known.get(name)
        if takes_value is None:
            shown = name if name.startswith("-") else f"--{name[:64]}"
            takes = " ".join(f"--{known}" for known in sorted(self._known))
            raise Refusal(f"{shown} is not for this tool; {self._command} takes {takes}")
        if value is None:
            value = next(left, None) if takes_value else "true"
        if value is None:
            raise Refusal(f"--{name} wants a value")
        form = _FORMS.get(name, _ANYTHING if takes_value else _SWITCH)
        if form.fullmatch(value) is None:
            raise Refusal(f"this value is not for --{name} here: {_HINTS.get(name, 'true or false')}")
        self._flags.append((name, value))

    def written(self) -> Kubectl:
        """As kubectl gets it: nothing in it can be taken for anything else."""
        if self._form.runs and not self._for_the_pod:
            raise Refusal("write exec POD -- PROGRAM ARGUMENT…")
        flags = [f"--{name}={value}" for name, value in self._flags]
        after = ["--", *self._for_the_pod] if self._for_the_pod else []
        reads = ("filename", "-") in self._flags or ("stdin", "true") in self._flags
        return Kubectl((*self._command.split(), *flags, *self._names, *after), reads)
