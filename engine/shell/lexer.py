"""Words: quotes, escapes, parameters, substitutions. What encloses a script asks the parser to read it."""

import re
from abc import ABC, abstractmethod

from hoopaddon.errors import Unparsable
from hoopaddon.shell.syntax import (
    Arithmetic,
    Incomplete,
    Literal,
    Parameter,
    Part,
    Script,
    Substitution,
    Word,
)

LONGEST = 128 * 1024
"""Linux passes no longer argument to the shell (MAX_ARG_STRLEN), so no longer line would run."""
DEEPEST = 40
MOST_WORDS = 20_000

_IN_BRACES = re.compile(r"[^\s\\'\"`$|&;()<>}]+")
_PLAIN = re.compile(r"[^\s\\'\"`$|&;()<>]+")
_STOPS = frozenset("|&;()<> \t\n")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]")
_BRACED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_ARRAY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_ANSI = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[0-7]{1,3}|c.|.)", re.DOTALL)
_ANSI_CHARACTERS = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
}


class Work:
    """How much has been read of one line, by all that read parts of it; what is read twice counts twice."""

    def __init__(self) -> None:
        self._left = MOST_WORDS

    def one_more(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise Unparsable("a command line of too many parts")


class Lexer(ABC):
    """A place in the text, and the word that begins there."""

    def __init__(self, text: str, depth: int = 0, work: "Work | None" = None) -> None:
        if len(text) > LONGEST:
            raise Unparsable(f"a command line of more than {LONGEST // 1024} KiB")
        if depth > DEEPEST:
            raise Unparsable(f"a command line that nests more than {DEEPEST} deep")
        if "\0" in text:
            raise Unparsable("a command line with a NUL in it")
        self.text = text
        self.at = 0
        self.depth = depth
        self.work = work or Work()

    @abstractmethod
    def nested(self) -> Script:
        """The script up to the `)` that ends it, which is taken too."""

    @abstractmethod
    def script_of(self, text: str) -> Script:
        """The script that is a text of its own."""

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise Unparsable(f"a command line that nests more than {DEEPEST} deep")

    def starts(self, what: str) -> bool:
        return self.text.startswith(what, self.at)

    def word(self) -> Word:
        """The word that begins here; empty where none does."""
        self.work.one_more()
        parts: list[Part] = []
        text, end = self.text, len(self.text)
        while self.at < end:
            if found := _PLAIN.match(text, self.at):
                self._literal(parts, found.group())
                self.at = found.end()
                continue
            character = text[self.at]
            if character in "<>" and text.startswith("(", self.at + 1):
                parts.append(self._substitution(character, False))
            elif character in _STOPS:
                break
            else:
                self._special(parts, character)
        return Word(parts)

    def _special(self, parts: list[Part], character: str) -> None:
        """What is not plain in a word outside double quotes."""
        match character:
            case "\\":
                self._escape(parts)
            case "'":
                parts.append(Literal(self._until("'"), True))
            case '"':
                self.at += 1
                self.quoted(parts, '"')
            case "`":
                parts.append(self._backticks(False))
            case "$":
                self._dollar(parts, False)
            case _:
                # Blanks of other alphabets, control characters: part of the word.
                self._literal(parts, character)
                self.at += 1

    def _literal(self, parts: list[Part], text: str) -> None:
        if parts and isinstance(last := parts[-1], Literal) and not last.quoted:
            last.text += text
        else:
            parts.append(Literal(text))

    def _escape(self, parts: list[Part]) -> None:
        escaped = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if not escaped:
            raise Incomplete("a command line that ends in a backslash")
        if escaped != "\n":
            parts.append(Literal(escaped, True))

    def _until(self, quote: str) -> str:
        """The text between the quote that stands here and the next one."""
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise Incomplete("a quote that is not closed")
        text = self.text[self.at + 1 : end]
        self.at = end + 1
        return text

    def quoted(self, parts: list[Part], close: str) -> None:
        """What stands in double quotes, or in a here-document where `close` is empty; up to the end."""
        parts.append(Literal("", True))
        run: list[str] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == close:
                self.at += 1
                parts.append(Literal("".join(run), True))
                return
            if character == "\\" and self.text[self.at + 1 : self.at + 2] in ("$", "`", '"', "\\", "\n"):
                escaped = self.text[self.at + 1]
                run.append("" if escaped == "\n" else "\\" + escaped if escaped == '"' and not close else escaped)
                self.at += 2
            elif character in "$`":
                parts.append(Literal("".join(run), True))
                run.clear()
                if character == "$":
                    self._dollar(parts, True)
                else:
                    parts.append(self._backticks(True))
            else:
                run.append(character)
                self.at += 1
        if close:
            raise Incomplete("a quote that is not closed")
        parts.append(Literal("".join(run), True))

    def _dollar(self, parts: list[Part], quoted: bool) -> None:
        self.work.one_more()
        text, at = self.text, self.at
        following = text[at + 1 : at + 2]
        if following == "\\" and text.startswith("\n", at + 2):
            raise Unparsable("a line that is continued within a parameter")
        if following == "(":
            parts.append(self._arithmetic(quoted) or self._substitution("$", quoted))
        elif following == "[" and (end := closing(text, at + 2, "[", "]")) is not None:
            # bash's older way to write $((…)); others take it for text, which says no more.
            self.at = end + 1
            parts.append(Arithmetic(self.expression(text[at + 2 : end])))
        elif following == "{":
            parts.append(self._braced(quoted))
        elif following == "'" and not quoted:
            self.at += 1
            parts.append(Literal(self._ansi(), True))
        elif following == '"' and not quoted:
            self.at += 2
            self.quoted(parts, '"')
        elif found := _PARAMETER.match(text, at + 1):
            self.at = found.end()
            parts.append(Parameter(found.group(), quoted))
        else:
            self.at += 1
            parts.append(Literal("$", True))

    def _ansi(self) -> str:
        end = self.at + 1
        while (character := self.text[end : end + 1]) != "'":
            if not character:
                raise Incomplete("a quote that is not closed")
            if character == "\\" and self.text.startswith("'", end + 1):
                # A shell that does not know $'…' ends it here, and runs what follows.
                raise Unparsable("an escaped quote in $'…', where shells disagree")
            end += 2 if character == "\\" else 1
        text = self.text[self.at + 1 : end]
        self.at = end + 1
        return _ANSI.sub(_ansi_character, text).partition("\0")[0]

    def _substitution(self, kind: str, quoted: bool) -> Substitution:
        self.at += 2
        return Substitution(self.nested(), kind, quoted)

    def _backticks(self, quoted: bool) -> Substitution:
        self.work.one_more()
        end = self.at + 1
        while (character := self.text[end : end + 1]) != "`":
            if not character:
                raise Incomplete("a backtick that is not closed")
            end += 2 if character == "\\" else 1
        inner = re.sub(r'\\([\\`$"])' if quoted else r"\\([\\`$])", r"\1", self.text[self.at + 1 : end])
        self.at = end + 1
        return Substitution(self.script_of(inner), "$", quoted)

    def _arithmetic(self, quoted: bool) -> Arithmetic | None:
        """`$((…))`, or None where what begins so is a subshell in a substitution."""
        if not self.starts("$(("):
            return None
        end = closing(self.text, self.at + 3)
        if end is None or not self.text.startswith("))", end):
            return None
        inner = self.text[self.at + 3 : end]
        self.at = end + 2
        return Arithmetic(self.expression(inner))

    def expression(self, text: str, *, quotes: bool = False) -> Word:
        """What an arithmetic expression substitutes, or with `quotes` a here-document, where they mean nothing."""
        if not quotes and re.search(r"['\"\\]", text):
            raise Unparsable("a quote in an arithmetic expression")
        reader = type(self)(text, self.depth + 1, self.work)
        parts: list[Part] = []
        reader.quoted(parts, "")
        return Word(parts)

    def _braced(self, quoted: bool) -> Parameter:
        text = self.text
        self.at += 2
        indirect = length = False
        if self.starts("!") and not self.starts("!}"):
            indirect, self.at = True, self.at + 1
        elif (
            self.starts("#") and _BRACED.match(text, self.at + 1) and not self.starts("#-") and not self.starts("#?")
        ):
            length, self.at = True, self.at + 1
        found = _BRACED.match(text, self.at)
        if not found:
            raise self._bad_parameter()
        self.at = found.end()
        index = self.index()
        start = self.at
        while self.text[self.at : self.at + 1] in (*":-+=?#%/^,@",):
            self.at += 1
            if text[start : self.at] in ("-", "+", "=", "?") or (text[start] == ":" and self.at - start == 2):
                break
        if text.startswith(":", start) and text[start + 1 : start + 2] not in (*"-+=?",):
            self.at = start + 1
        operator = text[start : self.at]
        self.deeper()
        argument = self._argument(quoted)
        self.depth -= 1
        if not operator and argument.parts:
            raise self._bad_parameter()
        return Parameter(found.group(), quoted, operator, argument, indirect, length, index)

    def _bad_parameter(self) -> Unparsable:
        return Unparsable("a parameter in braces that cannot be read")

    def index(self) -> Word | None:
        if not self.starts("["):
            return None
        end = closing(self.text, self.at + 1, "[", "]")
        if end is None:
            raise Incomplete("a bracket that is not closed")
        inner = self.text[self.at + 1 : end]
        self.at = end + 1
        return self.expression(inner)

    def _argument(self, quoted: bool) -> Word:
        """What follows the operator in `${…}`, up to the brace that ends it, which is taken too."""
        parts: list[Part] = []
        while self.at < len(self.text):
            character = self.text[self.at]
            if character == "}":
                self.at += 1
                return Word(parts)
            if quoted and character == "'":
                raise Unparsable("a single quote in a quoted parameter, where shells disagree")
            if character == "\n" or (character in "<>" and self.text.startswith("(", self.at + 1)):
                raise Unparsable("a parameter in braces that cannot be read")
            if character in _STOPS or (quoted and character not in '\\"`$'):
                self._literal(parts, character)
                self.at += 1
            elif found := _IN_BRACES.match(self.text, self.at):
                self._literal(parts, found.group())
                self.at = found.end()
            elif character == "$":
                self._dollar(parts, quoted)
            elif character == "`":
                parts.append(self._backticks(quoted))
            else:
                self._special(parts, character)
        raise Incomplete("a brace that is not closed")


def closing(text: str, at: int, opener: str = "(", closer: str = ")") -> int | None:
    """Where the bracket closes that was opened before `at`, quotes taken for nothing."""
    depth = 1
    for found in re.compile(f"[{re.escape(opener + closer)}]").finditer(text, at):
        depth += 1 if found.group() == opener else -1
        if not depth:
            return found.start()
        if depth > 4 * DEEPEST:
            raise Unparsable(f"a command line that nests more than {DEEPEST} deep")
    return None


def _ansi_character(found: re.Match[str]) -> str:
    code = found.group(1)
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    if code[0] == "c" and len(code) > 1:
        return chr(ord(code[1]) & 0x1F)
    return _ANSI_CHARACTERS.get(code, code if code in "\\'\"?" else "\\" + code)


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def begins_array(word: Word) -> bool:
    """Whether a `(` that follows this word at once begins the items of an array."""
    return (text := word.plain) is not None and _ARRAY.fullmatch(text) is not None
