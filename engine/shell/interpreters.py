"""Shells and languages: what they are given to run is read where it can be, and else said to be opaque."""

import re
from dataclasses import replace

from hoopaddon.shell.harmless import awk_is_harmless, python_is_harmless, sed_is_harmless
from hoopaddon.shell.program import HOLE, Call, Field, Reader, Scope

SHELLS = frozenset(
    {
        "sh",
        "bash",
        "dash",
        "ash",
        "zsh",
        "ksh",
        "ksh93",
        "mksh",
        "lksh",
        "rbash",
        "rksh",
        "yash",
        "posh",
        "bosh",
        "hush",
    }
)
FOREIGN_SHELLS = frozenset({"fish", "csh", "tcsh", "rc", "es", "nu", "elvish", "xonsh", "pwsh", "powershell"})
_SHELL_VALUES = "oO"
_SHELL_LONG_VALUES = ("--rcfile", "--init-file")

_LANGUAGES: dict[str, tuple[str, tuple[str, ...], str]] = {
    # Letters and long options that take code, and the letters that take another value.
    "python": ("c", (), "WXQ"),
    "perl": ("eE", (), "IMm"),
    "ruby": ("e", (), "IrCEFx"),
    "node": ("ep", ("--eval", "--print", "-pe"), "rC"),
    "nodejs": ("ep", ("--eval", "--print", "-pe"), "rC"),
    "bun": ("ep", ("--eval", "--print", "eval"), "r"),
    "deno": ("", ("eval", "repl"), ""),
    "php": ("rBRE", ("--run",), "dcfz"),
    "lua": ("e", (), "l"),
    "luajit": ("e", (), "lj"),
    "tclsh": ("", (), ""),
    "wish": ("", (), ""),
    "expect": ("c", (), "f"),
    "Rscript": ("e", (), ""),
    "osascript": ("e", (), "l"),
    "guile": ("c", (), "lL"),
    "ghc": ("e", (), ""),
    "runghc": ("e", (), ""),
    "julia": ("eE", ("--eval", "--print"), "L"),
    "groovy": ("e", (), ""),
    "scala": ("e", (), ""),
    "elixir": ("e", ("--eval",), "r"),
    "erl": ("", ("-eval",), ""),
    "pypy": ("c", (), "WX"),
    "ipython": ("c", (), ""),
    "jshell": ("", (), ""),
    "ed": ("", (), "p"),
    "ex": ("c", ("--cmd",), ""),
    "vi": ("c", ("--cmd",), ""),
    "vim": ("c", ("--cmd",), ""),
    "nvim": ("c", ("--cmd",), ""),
    "view": ("c", ("--cmd",), ""),
    "emacs": ("", ("--eval", "-eval", "--execute", "-f", "--funcall"), ""),
    "gdb": ("", ("-ex", "--ex", "-eval-command", "--eval-command", "-iex", "--init-eval-command"), "x"),
    "lldb": ("oO", ("--one-line",), ""),
    "sqlite3": ("", ("-cmd", "--cmd"), ""),
    "crash": ("", (), ""),
}
_AWKS = frozenset({"awk", "gawk", "mawk", "nawk", "original-awk"})
_QUIET = frozenset({"--version", "--help", "-V", "-VV", "-v", "-h"})
_EDITORS = frozenset({"vi", "vim", "nvim", "view", "emacs", "ed", "ex", "gdb", "lldb", "sqlite3"})
_MAKES = frozenset({"make", "gmake", "bmake"})


def interpret(reader: Reader, call: Call) -> bool:
    """Note a program that runs code, and run that code where it can be read. False for other programs."""
    name = call.name
    if name in SHELLS or name in FOREIGN_SHELLS:
        _shell(reader, call)
    elif name in _AWKS:
        _awk(reader, call)
    elif name in ("sed", "gsed", "ssed"):
        _sed(reader, call)
    elif name in _MAKES:
        texts = [field.text for field in call.arguments]
        given = any(re.match(r"--eval|-[a-zA-Z]*E|-f-$|-$|/dev/(?:fd|stdin)", text) for text in texts)
        reader.note(call.program("argument" if given else ""))
    elif name in ("at", "batch") and call.around.input.kind != "client":
        run_input(reader, call)
    elif (language := re.sub(r"(?<=[a-z])[0-9.]+[a-z]*$", "", name)) in _LANGUAGES or name in _LANGUAGES:
        _language(reader, call, language if language in _LANGUAGES else name)
    elif call.fields[0].known and call.around.scope.has(call.fields[0].text) and "/" in call.fields[0].text:
        run_file(reader, call, call.fields[0], [field.text for field in call.arguments])
    else:
        return False
    return True


def run_input(reader: Reader, call: Call, arguments: list[str] | None = None) -> None:
    """A shell that runs what it reads."""
    source = call.around.input
    if source.text is not None:
        reader.note(call.program())
        _run(reader, call, source.text, arguments)
    else:
        kinds = {"client": "input", "file": "file", "text": "argument"}
        reader.note(call.program(kinds.get(source.kind, "pipe")))


def run_file(reader: Reader, call: Call, file: Field, arguments: list[str] | None) -> None:
    """A shell, or `source`, that runs a file: one that the same line has written can be read."""
    files = call.around.scope
    if not file.known:
        reader.note(call.program("argument"))
    elif file.text in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
        run_input(reader, call, arguments)
    elif not files.has(file.text):
        reader.note(call.program("file"))
    elif (text := files.written(file.text)) is None:
        reader.note(call.program("pipe"))
    else:
        reader.note(call.program())
        _run(reader, call, text, arguments)


def _run(reader: Reader, call: Call, text: str, arguments: list[str] | None, name: str = "sh") -> None:
    scope = call.around.scope
    if call.name not in (".", "source"):
        scope = Scope(scope.copy().variables, {}, {}, arguments, scope.folder, scope.files)
        scope.variables["0"] = name
        scope.arguments = arguments or []
    reader.text(text, replace(call.around, scope=scope))


def _shell(reader: Reader, call: Call) -> None:
    fields, at, code, stdin = call.arguments, 0, False, False
    while at < len(fields):
        text = fields[at].text
        if text in ("--", "-"):
            at += 1
            break
        if not fields[at].known and not text.startswith("/"):
            return reader.note(call.program("argument"))
        if text in ("--version", "--help"):
            return reader.note(call.program())
        if text in _SHELL_LONG_VALUES:
            return reader.note(call.program("file"))
        if text.startswith("--"):
            at += 1
            continue
        if len(text) < 2 or text[0] not in "-+":
            break
        code = code or (text[0] == "-" and "c" in text)
        stdin = stdin or (text[0] == "-" and "s" in text)
        at += 1 + sum(text.count(letter) for letter in _SHELL_VALUES)
    rest = fields[at:]
    if code:
        return _code(reader, call, rest)
    if rest and not stdin:
        return run_file(reader, call, rest[0], [field.text for field in rest[1:]])
    return run_input(reader, call, [field.text for field in rest])


def _code(reader: Reader, call: Call, rest: list[Field]) -> None:
    """`sh -c CODE NAME ARGUMENT …`."""
    readable = rest and rest[0].known and call.name in SHELLS
    reader.note(call.program("" if readable else "argument"))
    if readable:
        _run(reader, call, rest[0].text, [field.text for field in rest[2:]], rest[1].text if len(rest) > 1 else "sh")


def _language(reader: Reader, call: Call, language: str) -> None:
    letters, longs, values = _LANGUAGES[language]
    fields, at = call.arguments, 0
    while at < len(fields):
        text = fields[at].text
        if not fields[at].known and not text.startswith("/"):
            return reader.note(call.program("argument"))
        if text.partition("=")[0] in longs:
            return reader.note(call.program("argument"))
        if text == "--":
            at += 1
            break
        if language in _EDITORS and text.startswith("+") and len(text) > 1 and not text[1:].isdigit():
            return reader.note(call.program("argument"))
        if text == "-" or not text.startswith("-"):
            break
        if text in _QUIET:
            return reader.note(call.program())
        found = None if text.startswith("--") else re.search(f"[{letters}]", text[1:]) if letters else None
        if found and not (values and re.match(f"-[a-zA-Z]*?[{values}]", text[: found.start() + 1])):
            return _one_liner(reader, call, language, text[found.end() + 1 :], fields[at + 1 :])
        if language == "python" and text.startswith("-m"):
            return reader.note(call.program("file"))
        at += 2 if values and text[-1] in values and not text.startswith("--") else 1
    rest = fields[at:]
    if language in _EDITORS and (rest or call.around.input.kind == "client"):
        return reader.note(call.program())
    if not rest or rest[0].text in ("-", "/dev/stdin", "/dev/fd/0"):
        return _language_input(reader, call, language)
    written = call.around.scope.has(rest[0].text)
    return reader.note(call.program("pipe" if written else "file"))


def _one_liner(reader: Reader, call: Call, language: str, attached: str, rest: list[Field]) -> None:
    code = attached or (rest[0].text if rest else HOLE)
    harmless = language == "python" and HOLE not in code and python_is_harmless(code)
    reader.note(call.program("" if harmless else "argument"))


def _language_input(reader: Reader, call: Call, language: str) -> None:
    source = call.around.input
    if source.text is not None:
        harmless = language == "python" and python_is_harmless(source.text)
        return reader.note(call.program("" if harmless else "argument"))
    kinds = {"client": "input", "file": "file", "text": "argument"}
    return reader.note(call.program(kinds.get(source.kind, "pipe")))


def _awk(reader: Reader, call: Call) -> None:
    fields, at = call.arguments, 0
    code = ""
    while at < len(fields) and fields[at].text.startswith("-") and fields[at].text != "--":
        text = fields[at].text
        if text.startswith(("-f", "--file", "-i", "--include", "-l", "--load", "-E", "--exec")):
            return reader.note(call.program("file"))
        if text.startswith(("-e", "--source")):
            return reader.note(call.program("argument"))
        at += 2 if text in ("-F", "-v", "--field-separator", "--assign") else 1
    rest = [field for field in fields[at:] if field.text != "--"]
    code = rest[0].text if rest else HOLE
    harmless = HOLE not in code and awk_is_harmless(code)
    return reader.note(call.program("" if harmless else "argument"))


def _sed(reader: Reader, call: Call) -> None:
    fields, at, scripts = call.arguments, 0, []
    named = False
    operands: list[Field] = []
    while at < len(fields):
        text = fields[at].text
        cluster = re.match(r"-[nrEzsu]*([efl])(.*)", text, re.DOTALL) if not text.startswith("--") else None
        if text.startswith("--expression="):
            scripts.append(text.partition("=")[2])
        elif text in ("--expression", "--file") or (cluster and not cluster.group(2)):
            at += 1
            value = fields[at].text if at < len(fields) else HOLE
            named = named or text == "--file" or bool(cluster and cluster.group(1) == "f")
            scripts.append(value)
        elif cluster and cluster.group(1) == "e":
            scripts.append(cluster.group(2))
        elif text.startswith("--file=") or (cluster and cluster.group(1) == "f"):
            named = True
        elif not text.startswith("-") or text == "-":
            operands.append(fields[at])
        at += 1
    if named:
        return reader.note(call.program("file"))
    scripts = scripts or [operands[0].text if operands else HOLE]
    harmless = all(HOLE not in script and sed_is_harmless(script) for script in scripts)
    return reader.note(call.program("" if harmless else "argument"))
