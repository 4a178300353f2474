"""Programs that run the program which their words name: sudo, env, nice and their like."""

import re
import shlex
from dataclasses import replace

from hoopaddon.shell.interpreters import run_input
from hoopaddon.shell.launchers import LAUNCHERS, run_text
from hoopaddon.shell.options import WRAPPERS, Wrapper, inner
from hoopaddon.shell.program import HOLE, Around, Call, Field, Reader

_LOADER = re.compile(r"ld(-linux[\w-]*)?(-[\d.]+)?\.so(\.\d+)?|ld-musl-[\w-]+\.so\.1")
_SCANNED = frozenset(
    {
        "docker",
        "podman",
        "nerdctl",
        "bwrap",
        "start-stop-daemon",
        "kubectl",
        "oc",
        "lxc",
        "incus",
        "crictl",
        "machinectl",
        "daemonize",
        "perf",
        "tmux",
        "screen",
        "byobu",
        "dtach",
        "abduco",
    }
)
_RUNS = re.compile(
    r"(?:ba|da|a|z|k|fi|tc|c)?sh|rm|dd|shred|wipefs|mkfs\S*|find|xargs|env|sudo|su|chmod|chown|chroot|nsenter|shutdown|reboot|halt|poweroff|init|systemctl|python[\d.]*|perl|ruby|node|tee|cp|mv|truncate|kill|busybox"
)


def unwrap(reader: Reader, call: Call) -> bool:
    """Note a program that runs another, and that one too. False for other programs."""
    name = call.name
    if name in WRAPPERS:
        _wrapped(reader, call, WRAPPERS[name])
    elif name in LAUNCHERS:
        LAUNCHERS[name](reader, call)
    elif _LOADER.fullmatch(name):
        _wrapped(reader, call, Wrapper("", ("library-path", "preload", "audit", "argv0", "inhibit-rpath")))
    elif name in _SCANNED:
        reader.note(call.program())
        _scan(reader, call)
    else:
        return False
    return True


def _wrapped(reader: Reader, call: Call, wrapper: Wrapper) -> None:
    found = inner(call.arguments, wrapper)
    if found is None:
        reader.note(call.program("argument"))
        return
    at, letters, sets = found
    if call.name == "env" and _split_string(reader, call):
        return
    rest = call.arguments[at:]
    if letters & set(wrapper.silent):
        rest = []
    reader.note(call.program())
    if rest:
        reader.call(call.within(rest, _elsewhere(call), sets))
    elif letters & set(wrapper.asks) or call.name in ("chroot", "nsenter", "unshare"):
        run_input(reader, call.within([Field("sh")]))


def _elsewhere(call: Call) -> Around:
    """What surrounds the other program: chroot and -C put it into another folder."""
    texts = [field.text for field in call.arguments]
    for option, name in (("-C", "env"), ("--chdir", "env"), ("-D", "sudo"), ("--chdir", "sudo")):
        if call.name == name:
            for at, text in enumerate(texts):
                if text == option and at + 1 < len(texts):
                    return _at(call.around, texts[at + 1])
                if text.startswith(f"{option}=") or (text.startswith(option) and not option.startswith("--")):
                    return _at(call.around, text.removeprefix(option).removeprefix("="))
    return call.around


def _at(around: Around, folder: str) -> Around:
    scope = around.scope.copy()
    scope.go(folder)
    return replace(around, scope=scope)


def _split_string(reader: Reader, call: Call) -> bool:
    """`env -S 'COMMAND …'`."""
    for at, field in enumerate(call.arguments):
        found = re.match(r"(?:-[a-zA-Z0]*S|--split-string=?)(.*)", field.text, re.DOTALL)
        if not found:
            if not field.text.startswith("-") and "=" not in field.text:
                return False
            continue
        rest = call.arguments[at + 1 :]
        text = found.group(1) or (rest.pop(0).text if rest else HOLE)
        if HOLE in text or re.search(r"[\\$]", text):
            reader.note(call.program("argument"))
            return True
        reader.note(call.program())
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
        reader.call(call.within([Field("env"), *map(Field, words), *rest]))
        return True
    return False


def _scan(reader: Reader, call: Call) -> None:
    """Where options are too many to know: what looks like a program among the words is taken for one."""
    for at, field in enumerate(call.arguments):
        if at and _RUNS.fullmatch(field.text.rpartition("/")[2]):
            reader.call(call.within(call.arguments[at:]))
            return
        if call.name in ("tmux", "screen", "byobu", "dtach", "abduco") and " " in field.text:
            run_text(reader, call, field.text)
