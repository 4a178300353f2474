"""Programs that act on the shell itself, and those whose output is known beforehand."""

import re
from collections.abc import Callable
from dataclasses import replace

from hoopaddon.shell.interpreters import run_file
from hoopaddon.shell.program import HOLE, Call, Field, Reader, shown

_FORMAT = re.compile(r"%(%|[-0-9.]*[sbdq])|\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v", "0": ""}
_TEMPORARY = "/tmp/tmp.XXXXXXXXXX"  # noqa: S108 - what mktemp is going to answer

type Builtin = Callable[[Reader, Call], str | None]


def options_end(fields: list[Field], with_value: str = "") -> int:
    """How many of the words are options; `with_value` are the letters that take the next word."""
    at = 0
    while at < len(fields):
        text = fields[at].text
        if text == "--":
            return at + 1
        if not text.startswith("-") or text == "-":
            break
        at += 1
        if text[-1] in with_value and not text.startswith("--"):
            at += 1
    return at


def _noted(reader: Reader, call: Call) -> None:
    reader.note(call.program())


def _cd(reader: Reader, call: Call) -> str:
    _noted(reader, call)
    rest = call.arguments[options_end(call.arguments) :]
    target = rest[0] if rest else Field("~")
    call.around.scope.go(HOLE if target.pattern or call.name == "popd" else target.text)
    return ""


def _declare(reader: Reader, call: Call) -> str | None:
    sets = dict(call.sets)
    options = options_end(call.arguments)
    letters = "".join(field.text for field in call.arguments[:options])
    for field in call.arguments[options:]:
        name, equals, value = field.text.partition("=")
        name = name.removesuffix("+")
        if "i" in letters or call.name == "integer":
            call.around.scope.integers.add(name.partition("[")[0])
        if "n" in letters:
            # A reference: what it names may be an element of an array.
            reader.evaluate(value, call.around)
        if equals:
            if "+=" in field.text or name.partition("[")[0] in call.around.scope.integers:
                reader.evaluate(value, call.around)
            reader.assign(name, HOLE if "+=" in field.text or value.startswith("(") else value, call.around)
            sets[name] = shown(value)
        else:
            reader.evaluate(name, call.around)
    reader.note(replace(call, sets=sets).program())
    # declare -f prints functions, export -p variables.
    return "" if sets else None


def _unset(reader: Reader, call: Call) -> str:
    _noted(reader, call)
    for field in call.arguments:
        reader.evaluate(field.text, call.around)
        call.around.scope.variables.pop(field.text, None)
        call.around.scope.functions.pop(field.text, None)
    return ""


def _read(reader: Reader, call: Call) -> str:
    _noted(reader, call)
    names = [f.text for f in call.arguments[options_end(call.arguments, "dinNptu") :]] or ["REPLY"]
    text = call.around.input.text
    values = text.split("\n", 1)[0].split(None, len(names) - 1) if text is not None else []
    for number, name in enumerate(names):
        known = text is not None and call.name == "read" and not call.around.forks
        value = values[number] if number < len(values) else ""
        if text is not None:
            reader.assign(name, value, call.around)
        reader.assign(name, value if known else HOLE, call.around)
    return ""


def _set(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    texts = [field.text for field in call.arguments]
    if "--" in texts:
        call.around.scope.arguments = texts[texts.index("--") + 1 :]
    elif texts and not texts[0].startswith(("-", "+")):
        call.around.scope.arguments = texts
    elif texts and HOLE in "".join(texts):
        call.around.scope.arguments = None
    return "" if texts else None


def _shift(reader: Reader, call: Call) -> str:
    scope = call.around.scope
    count = call.arguments[0].text if call.arguments else "1"
    if scope.arguments is not None:
        scope.arguments = scope.arguments[int(count) :] if re.fullmatch(r"\d{1,3}", count) else None
    return ""


def _alias(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    for field in call.arguments:
        name, equals, value = field.text.partition("=")
        if equals:
            call.around.scope.aliases[name] = value
            _run_text(reader, call, value)
    return None


def _run_text(reader: Reader, call: Call, text: str) -> str | None:
    """Run a text that a word holds; one that is computed makes the program opaque."""
    if HOLE in text:
        reader.note(call.program("argument"))
        return None
    if not text.strip():
        return ""
    return reader.text(text, call.around)


def _eval(reader: Reader, call: Call) -> str | None:
    fields = call.arguments[options_end(call.arguments) :]
    text = " ".join(field.text for field in fields)
    if HOLE not in text:
        _noted(reader, call)
    return _run_text(reader, call, text)


def _trap(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    rest = call.arguments[options_end(call.arguments) :]
    if len(rest) > 1 and rest[0].text != "-":
        _run_text(reader, call, rest[0].text)
    return ""


def _completion(reader: Reader, call: Call) -> str | None:
    """`compgen -C CODE`, `mapfile -C CODE`, `bind -x '"KEY": CODE'`, `complete -W '$(…)'`."""
    flags = {"-C", "-F", "-x", "-W", "-P", "-S"}
    texts = [field.text for field in call.arguments]
    runs = any(text[:2] in flags for text in texts)
    reader.note(call.program("argument" if runs else ""))
    if call.name in ("mapfile", "readarray"):
        names = [text for text in texts if not text.startswith("-")]
        reader.assign(names[-1] if names else "MAPFILE", HOLE, call.around)
    return None


def _hash(reader: Reader, call: Call) -> str | None:
    """`hash -p PATH NAME` and `enable -f FILE NAME` give a name to another program."""
    texts = [field.text for field in call.arguments]
    if any(text.startswith(("-p", "-f")) for text in texts):
        reader.note(call.program("file"))
        if texts:
            call.around.scope.aliases[texts[-1]] = HOLE
        return None
    _noted(reader, call)
    return None


def _source(reader: Reader, call: Call) -> str | None:
    if not call.arguments:
        _noted(reader, call)
        return None
    run_file(reader, call, call.arguments[0], [field.text for field in call.arguments[1:]] or None)
    return None


def _echo(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    fields = call.arguments
    newline = "\n"
    escapes = False
    while fields and re.fullmatch(r"-[neE]+", fields[0].text):
        newline = "" if "n" in fields[0].text else newline
        escapes = escapes or "e" in fields[0].text
        fields = fields[1:]
    text = " ".join(field.text for field in fields) + newline
    if HOLE in text or any(field.pattern for field in fields):
        return None
    # Some shells' echo takes escapes without being asked to, and no two agree.
    return _printed(text, []) if escapes and "%" not in text else None if "\\" in text else text


def _printf(reader: Reader, call: Call) -> str | None:
    fields = call.arguments
    _noted(reader, call)
    variable = ""
    if len(fields) > 1 and fields[0].text == "-v":
        variable, fields = fields[1].text, fields[2:]
    if fields and fields[0].text == "--":
        fields = fields[1:]
    text = None
    if fields and all(field.known and not field.pattern for field in fields):
        text = _printed(fields[0].text, [field.text for field in fields[1:]])
    if variable:
        reader.assign(variable, HOLE if text is None else text, call.around)
        return ""
    # zsh and ksh evaluate what is printed as a number.
    _evaluated(reader, call)
    return text


def _printed(template: str, values: list[str]) -> str | None:
    """What printf writes; None for what is not computed here."""
    waiting = list(values)
    unknown = re.search(r"%(?!%|[-0-9.]*[sbdq])|\\[uUc]", template) is not None

    def replaced(found: re.Match[str]) -> str:
        nonlocal unknown
        conversion, hexadecimal, octal, character = found.groups()
        if conversion == "%":
            return "%"
        if conversion:
            value = waiting.pop(0) if waiting else ""
            unknown = unknown or len(conversion) > 1 or (conversion in "bq" and not value.isalnum())
            return value
        if hexadecimal or octal:
            number = int(hexadecimal, 16) if hexadecimal else int(octal, 8)
            unknown = unknown or not 0 < number < 128
            return chr(number)
        return _ESCAPES.get(character, character if character in "\\'\"" else "\\" + character)

    text = _FORMAT.sub(replaced, template)
    while waiting and len(text) < 10_000:
        left = len(waiting)
        text += _FORMAT.sub(replaced, template)
        if len(waiting) == left:
            break
    return None if unknown or waiting else text


def _cat(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    if not call.arguments or [field.text for field in call.arguments] == ["-"]:
        return call.around.input.text
    texts = [call.around.scope.written(field.text) for field in call.arguments]
    return None if None in texts else "".join(text for text in texts if text)


def _tee(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    for field in call.arguments:
        call.around.scope.wrote(field.text, call.around.input.text)
    return call.around.input.text


def _mktemp(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    plain = all(field.text in ("-d", "-q", "-t", "-dt", "--directory") for field in call.arguments)
    return _TEMPORARY + "\n" if plain else None


def _pwd(reader: Reader, call: Call) -> str | None:
    _noted(reader, call)
    return (call.around.scope.folder or ".") + "\n"


def _silent(reader: Reader, call: Call) -> str:
    _noted(reader, call)
    return ""


def _evaluated(reader: Reader, call: Call) -> str:
    """Arguments that are expressions or names of variables: to some shells all of them, to others some."""
    for field in call.arguments:
        reader.evaluate(field.text, call.around)
    return ""


def _test(reader: Reader, call: Call) -> str:
    _noted(reader, call)
    return _evaluated(reader, call)


def _download(reader: Reader, call: Call) -> None:
    """What a download leaves behind is computed, as far as this line is concerned."""
    _noted(reader, call)
    texts = [field.text for field in call.arguments]
    for at, text in enumerate(texts):
        attached = re.match(r"(?:--output|--output-document)=(.*)|-[a-zA-Z]*[oO](.+)", text)
        if attached:
            call.around.scope.wrote(attached.group(1) or attached.group(2), None)
        elif re.fullmatch(r"-[a-zA-Z]*[oO]|--output|--output-document", text) and at + 1 < len(texts):
            call.around.scope.wrote(texts[at + 1], None)
        if "/" in text and not text.startswith("-"):
            call.around.scope.wrote(text.rstrip("/").rpartition("/")[2].partition("?")[0], None)


def _copy(reader: Reader, call: Call) -> None:
    """A copy of a file that the line has written runs as that does."""
    _noted(reader, call)
    texts = [field.text for field in call.arguments if not field.text.startswith("-")]
    scope = call.around.scope
    if len(texts) == 2 and scope.has(texts[0]):
        scope.wrote(texts[1], scope.written(texts[0]))


BUILTINS: dict[str, Builtin] = {
    **dict.fromkeys(("cd", "pushd", "popd", "chdir"), _cd),
    **dict.fromkeys(("export", "declare", "typeset", "local", "readonly", "integer"), _declare),
    **dict.fromkeys(("read", "getopts"), _read),
    **dict.fromkeys(("complete", "compgen", "bind", "mapfile", "readarray"), _completion),
    **dict.fromkeys(("hash", "enable"), _hash),
    **dict.fromkeys((".", "source"), _source),
    **dict.fromkeys((":", "true", "false", "sleep", "mkdir", "touch", "chmod", "umask"), _silent),
    **dict.fromkeys(("test", "[", "let", "exit", "return", "break", "continue", "wait", "ulimit"), _test),
    **dict.fromkeys(("curl", "wget", "fetch", "aria2c"), _download),
    **dict.fromkeys(("cp", "mv", "install", "ln"), _copy),
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "alias": _alias,
    "eval": _eval,
    "trap": _trap,
    "echo": _echo,
    "printf": _printf,
    "cat": _cat,
    "tee": _tee,
    "mktemp": _mktemp,
    "pwd": _pwd,
}
