"""What words become: braces, parameters, substitutions, fields. What is not known stays a hole."""

import re
from collections.abc import Callable
from itertools import pairwise

from hoopaddon.errors import Unparsable
from hoopaddon.shell.evaluation import Evaluator
from hoopaddon.shell.program import HOLE, LONGEST_VALUE, Around, Field, Scope
from hoopaddon.shell.syntax import Arithmetic, Literal, Parameter, Part, Substitution, Word

MOST_FIELDS = 2_000
MOST_BRACES = 50
_SEQUENCE = re.compile(r"(-?\d{1,9}|[A-Za-z])\.\.(-?\d{1,9}|[A-Za-z])(?:\.\.(-?\d{1,9}))?")
_SLICE = re.compile(r"\s*(-?\d{1,9})\s*(?::\s*(\d{1,9})\s*)?")

type Run = Callable[[Substitution, Around], str]
"""Runs what a substitution holds, and says what it writes."""


class Expander:
    """Expands words as a shell would that stands where `around` says."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.evaluator = Evaluator(self.text)

    def fields(self, words: list[Word], around: Around) -> list[Field]:
        found: list[Field] = []
        for word in words:
            for parts in braces(word.parts):
                found.extend(self._fields(parts, around))
                if len(found) > MOST_FIELDS:
                    raise Unparsable("a command line of too many words")
        return found

    def text(self, word: Word, around: Around) -> str:
        """What a word becomes where it is not split: in an assignment, after `<`."""
        return "".join(
            text if isinstance(text, str) else " ".join(text) for text, _ in self._values(word.parts, around)
        )

    def _values(self, parts: list[Part], around: Around) -> list[tuple[str | list[str], bool]]:
        """What each part becomes, and whether that is split."""
        values: list[tuple[str | list[str], bool]] = []
        for part in parts:
            match part:
                case Literal():
                    values.append((part.text, False))
                case Parameter():
                    value = self._parameter(part, around)
                    values.append((value, not part.quoted))
                case Substitution():
                    values.append((self._run(part, around), not part.quoted))
                case Arithmetic():
                    self.evaluator.number(self.text(part.word, around), around)
                    values.append((HOLE, False))
        if sum(len(value) for value, _ in values) > LONGEST_VALUE:
            return [(HOLE, False)]
        return values

    def _fields(self, parts: list[Part], around: Around) -> list[Field]:
        done: list[Field] = []
        text, begun, pattern = "", False, False
        separators = around.scope.get("IFS")
        split = re.compile(f"[{re.escape(separators)}]+") if isinstance(separators, str) and separators else None
        if separators == HOLE:
            split = re.compile(r"[\s:,;/._-]+")
        for part, (value, splits) in zip(parts, self._values(parts, around), strict=False):
            literal = isinstance(part, Literal)
            begun = begun or not splits
            if isinstance(value, list):
                pieces = value
            elif splits and split:
                pieces = split.split(value) if value.strip() or len(value) else []
            else:
                pieces = [value]
            for number, piece in enumerate(pieces):
                if number:
                    if text:
                        done.append(Field(text, pattern))
                    text, pattern = "", False
                text += piece
                if (splits or (literal and not _is_quoted(part))) and re.search(r"[*?]|\[.*\]", piece):
                    pattern = True
        if text or (begun and any(_is_quoted(part) for part in parts)):
            done.append(Field(text, pattern))
        return done

    def _parameter(self, part: Parameter, around: Around) -> str | list[str]:
        scope = around.scope
        argument = self.text(part.argument, around) if part.argument is not None else ""
        index = self.text(part.index, around) if part.index is not None else None
        value = _arguments(part.name, scope)
        if value is None:
            value = scope.get(part.name)
        self._evaluate(part, index, argument, value, around)
        if part.indirect:
            if part.operator or not isinstance(value, str) or value.strip() == "" or HOLE in value:
                return HOLE
            value = scope.get(value)
        if part.length:
            return HOLE
        if isinstance(value, list):
            value = _item(value, index, part.name)
        elif index not in (None, "0", "@", "*"):
            value = HOLE
        if not part.operator:
            return value
        known = part.name in scope.variables and isinstance(value, str) and HOLE not in value
        if part.operator in ("=", ":=", "-", ":-") and not known and part.name not in scope.variables:
            if part.operator in ("=", ":="):
                scope.set(part.name, HOLE)
            return value if value not in (HOLE, []) else HOLE
        if not known or not isinstance(value, str):
            return HOLE
        return _operated(part.operator, value, argument)

    def _evaluate(
        self, part: Parameter, index: str | None, argument: str, value: str | list[str], around: Around
    ) -> None:
        """`${a[EXPRESSION]}`, `${a:EXPRESSION}`, `${!a}` where a holds a name with a subscript, `${a@P}`."""
        if index is not None:
            self.evaluator.number(index, around)
        if part.operator == ":":
            self.evaluator.number(argument, around)
        for one in [value] if isinstance(value, str) else value:
            if part.indirect:
                self.evaluator.subscripts(one, around)
            elif part.operator == "@" and "P" in argument:
                self.evaluator.prompt(one, around)


def _is_quoted(part: Part) -> bool:
    return isinstance(part, Arithmetic) or part.quoted


def _arguments(name: str, scope: Scope) -> str | list[str] | None:
    """The positional parameters, or None for another one."""
    if name in ("@", "*"):
        return HOLE if scope.arguments is None else list(scope.arguments)
    if name.isdigit() and name != "0":
        if scope.arguments is None:
            return HOLE
        return scope.arguments[int(name[:4]) - 1] if int(name[:4]) <= len(scope.arguments) else ""
    return None


def _item(value: list[str], index: str | None, name: str) -> str | list[str]:
    if index in ("@", "*") or name in ("@", "*"):
        return value
    if index is None:
        return value[0] if value else ""
    if re.fullmatch(r"-?\d{1,4}", index):
        return value[int(index)] if -len(value) <= int(index) < len(value) else ""
    return HOLE


def _operated(operator: str, value: str, argument: str) -> str:
    """`${value OPERATOR argument}` of a value that is known."""
    literal = HOLE not in argument and not re.search(r"[*?\[\\]", argument)
    match operator:
        case "-" | "?" | "=":
            return value
        case ":-" | ":=" | ":?":
            return value or argument
        case "+":
            return argument
        case ":+":
            return argument if value else ""
        case "^^" if not argument:
            return value.upper()
        case ",," if not argument:
            return value.lower()
        case "^" if not argument:
            return value[:1].upper() + value[1:]
        case "," if not argument:
            return value[:1].lower() + value[1:]
        case ":" if found := _SLICE.fullmatch(argument):
            start = int(found.group(1)) if abs(int(found.group(1))) <= len(value) else len(value)
            rest = value[start:]
            return rest if found.group(2) is None else rest[: int(found.group(2))]
        case "#" | "##" if literal:
            return value.removeprefix(argument)
        case "%" | "%%" if literal:
            return value.removesuffix(argument)
        case "/" | "//" if literal:
            old, _, new = argument.partition("/")
            return value.replace(old, new, -1 if operator == "//" else 1) if old else value
        case _:
            return HOLE


def braces(parts: list[Part]) -> list[list[Part]]:
    """`{a,b}` and `{1..3}` written out. Raises `Unparsable` where that is too much."""
    if not any(isinstance(p, Literal) and not p.quoted and "{" in p.text for p in parts):
        return [parts]
    items: list[Part] = []
    for part in parts:
        if isinstance(part, Literal) and not part.quoted:
            items.extend(Literal(piece) for piece in re.split(r"([{},])", part.text) if piece)
        else:
            items.append(part)
    if sum(_is_mark(item, "{") for item in items) > MOST_BRACES:
        raise Unparsable("a command line of too many braces")
    return _braces(items, [0])


def _braces(items: list[Part], made: list[int]) -> list[list[Part]]:
    made[0] += 1
    if made[0] > MOST_FIELDS:
        raise Unparsable("a command line whose braces make too many words")
    for start, item in enumerate(items):
        if not _is_mark(item, "{"):
            continue
        commas, end = _extent(items, start)
        if end is None:
            continue
        inside = items[start + 1 : end]
        if commas:
            marks = [start, *commas, end]
            choices = [items[a + 1 : b] for a, b in pairwise(marks)]
        elif sequence := _sequence(inside):
            choices = [[Literal(text)] for text in sequence]
        else:
            continue
        tails = _braces(items[end + 1 :], made)
        heads = [items[:start] + chosen for choice in choices for chosen in _braces(choice, made)]
        if len(heads) * len(tails) > MOST_FIELDS:
            raise Unparsable("a command line whose braces make too many words")
        return [head + tail for head in heads for tail in tails]
    return [items]


def _is_mark(item: Part, mark: str) -> bool:
    return isinstance(item, Literal) and not item.quoted and item.text == mark


def _extent(items: list[Part], start: int) -> tuple[list[int], int | None]:
    """The commas that belong to the brace at `start`, and where it is closed."""
    depth = 0
    commas: list[int] = []
    for at in range(start, len(items)):
        if _is_mark(items[at], "{"):
            depth += 1
        elif _is_mark(items[at], "}"):
            depth -= 1
            if not depth:
                return commas, at
        elif depth == 1 and _is_mark(items[at], ","):
            commas.append(at)
    return [], None


def _sequence(inside: list[Part]) -> list[str]:
    text = "".join(part.text for part in inside if isinstance(part, Literal))
    found = _SEQUENCE.fullmatch(text)
    if not found or len(inside) != 1:
        return []
    first, last, step = found.groups()
    if first.lstrip("-").isdigit() != last.lstrip("-").isdigit():
        return []
    numbers = first.lstrip("-").isdigit()
    a, b = (int(first), int(last)) if numbers else (ord(first), ord(last))
    by = abs(int(step)) if step and int(step) else 1
    if abs(b - a) // by > MOST_FIELDS:
        raise Unparsable("a command line whose braces make too many words")
    values = range(a, b + 1, by) if a <= b else range(a, b - 1, -by)
    return [str(value) if numbers else chr(value) for value in values]
