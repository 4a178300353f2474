"""Short programs in other languages that clearly run nothing and write nothing; what is not clear is not harmless."""

import ast
import re

LONGEST = 8 * 1024

_AWK_TOKEN = re.compile(
    r'(?P<string>"(?:\\.|[^"\\\n])*")|(?P<name>[A-Za-z_]\w*)|(?P<number>[0-9.]+)|(?P<operator>\|\||>=|>>|[^\s\w"])|(?P<space>\s+|#[^\n]*)',
    re.DOTALL,
)
_AWK_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])*/")
_AWK_POWERS = frozenset({"system", "getline", "close", "fflush"})
_SED_ADDRESS = re.compile(r"(?:[0-9]+(?:~[0-9]+)?|\$|/(?:\\.|[^/\\\n])+/[IM]*|\+[0-9]+|~[0-9]+)")
_SED_TEXT = re.compile(r"[^\n]*")
_SED_LABEL = re.compile(r"[^\n;}]*")

# What a one-liner may import, and what of it is used.
_MODULES = {
    "json": frozenset({"load", "loads", "dump", "dumps"}),
    "sys": frozenset(
        {
            "stdin",
            "stdout",
            "stderr",
            "argv",
            "version",
            "version_info",
            "exit",
            "platform",
            "executable",
            "maxsize",
            "path",
            "byteorder",
        }
    ),
    "math": frozenset(
        {"sqrt", "pi", "floor", "ceil", "log", "log2", "log10", "exp", "sin", "cos", "gcd", "factorial"}
    ),
    "re": frozenset({"compile", "match", "search", "sub", "findall", "split", "fullmatch", "escape", "M", "I", "S"}),
    "time": frozenset({"time", "sleep", "strftime", "gmtime", "localtime", "monotonic"}),
    "datetime": frozenset({"datetime", "date", "timedelta", "timezone", "UTC"}),
    "platform": frozenset({"python_version", "system", "machine", "release", "node", "platform", "processor"}),
    "base64": frozenset({"b64decode", "b64encode", "urlsafe_b64decode", "urlsafe_b64encode"}),
    "hashlib": frozenset({"md5", "sha1", "sha256", "sha512"}),
    "textwrap": frozenset({"dedent", "indent", "fill", "wrap"}),
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict", "deque"}),
    "uuid": frozenset({"uuid4", "uuid1", "UUID"}),
    "secrets": frozenset({"token_hex", "token_urlsafe", "randbelow"}),
    "random": frozenset({"random", "randint", "choice"}),
    "statistics": frozenset({"mean", "median", "stdev"}),
    "pprint": frozenset({"pprint", "pformat"}),
}
_POWERFUL_NAMES = frozenset(
    {
        *("exec", "eval", "compile", "open", "getattr", "setattr", "delattr", "globals", "locals", "vars", "input"),
        *("breakpoint", "help", "memoryview", "copyright", "credits", "license", "type", "object", "super"),
    }
)
_INNER = ("_", "f_", "gi_", "cr_", "ag_", "tb_", "co_")


def python_is_harmless(code: str) -> bool:
    """Whether Python code computes and prints, and no more: all that it imports and names is known to be so."""
    if len(code) > LONGEST:
        return False
    try:
        tree = ast.parse(code)
        return all(_is_harmless(node) for node in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_harmless(node: ast.AST) -> bool:
    match node:
        case ast.Import(names=names):
            return all(name.name in _MODULES and name.asname is None for name in names)
        case ast.ImportFrom(module=module, names=names, level=0):
            return all(name.name in _MODULES.get(module or "", ()) for name in names)
        case ast.ImportFrom() | ast.ClassDef() | ast.AsyncFunctionDef() | ast.Global() | ast.Nonlocal():
            return False
        case ast.Name(id=name):
            return name not in _POWERFUL_NAMES and not name.startswith("_")
        case ast.Attribute(value=ast.Name(id=module), attr=name) if module in _MODULES:
            return name in _MODULES[module]
        case ast.Attribute(attr=name):
            return not name.startswith(_INNER)
    return True


def awk_is_harmless(code: str) -> bool:
    """Whether an awk program starts no other and writes no file."""
    if len(code) > LONGEST:
        return False
    at, operand, printing = 0, False, 0
    while at < len(code):
        if code[at] == "/" and not operand and (regex := _AWK_REGEX.match(code, at)):
            at, operand = regex.end(), True
            continue
        token = _AWK_TOKEN.match(code, at)
        if token is None:
            return False
        at, text = token.end(), token.group()
        if token.lastgroup == "space":
            printing = 0 if "\n" in text else printing
            continue
        if text in _AWK_POWERS or text in ("@", "|") or text == ">>":
            return False
        if token.lastgroup == "name" and text in ("print", "printf"):
            printing, operand = 1, False
            continue
        if printing and text == ">":
            return False
        if text in (";", "}"):
            printing = 0
        operand = token.lastgroup in ("string", "number") or text in (")", "]", "$") or _is_operand(text)
    return True


def _is_operand(text: str) -> bool:
    return bool(re.match(r"[A-Za-z_]", text)) and text not in ("return", "in", "if", "while", "else", "do", "case")


def sed_is_harmless(script: str) -> bool:
    """Whether a sed script starts no program and writes no file but its own."""
    at = 0
    while at < len(script):
        if script[at] in " \t\n;{}!,":
            at += 1
        elif address := _SED_ADDRESS.match(script, at):
            at = address.end()
        else:
            end = _sed_command(script, at)
            if end is None:
                return False
            at = end
    return True


def _sed_command(script: str, at: int) -> int | None:
    """Where a command ends that is known to be harmless, else None."""
    command = script[at]
    if command in "=dDgGhHlnNpPqQxzF":
        return at + 1
    if command in "aicrR":
        found = _SED_TEXT.match(script, at)
        return None if found is None or (command == "R") else found.end()
    if command in ":btT":
        found = _SED_LABEL.match(script, at)
        return found.end() if found else None
    if command in "sy":
        delimiter = script[at + 1 : at + 2]
        if not delimiter or delimiter in "\\\n":
            return None
        part = rf"(?:\\.|[^\\{re.escape(delimiter)}])*"
        end = re.escape(delimiter)
        found = re.compile(f"{part}{end}{part}{end}([gpiIM0-9]*)(?=[;}}\\s]|$)", re.DOTALL).match(script, at + 2)
        return found.end() if found else None
    return None
