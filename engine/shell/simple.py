"""Simple commands, what separates words, redirections and here-documents."""

import re

from hoopaddon.errors import Unparsable
from hoopaddon.shell.lexer import Lexer, begins_array
from hoopaddon.shell.syntax import Assignment, Incomplete, Literal, Redirect, Simple, Word

_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
_REDIRECT = re.compile(r"(?:[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\})?(<<<|<<-|<<|<&|<>|<(?!\()|&>>|&>|>>|>&|>\||>(?!\())")
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)")
_INDEXED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?=\[)")
_SET = re.compile(r"\+?=")
_BARE = re.compile(r"(?:[^\s\\'\"`$|&;()<>]|\\\n)+")


class SimpleParser(Lexer):
    """The part of the grammar that has no keywords."""

    typed = False

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.documents: list[tuple[Redirect, bool]] = []
        """Here-documents whose text begins at the next line end; with whether tabs are taken off."""

    def unexpected(self) -> Unparsable:
        if self.at >= len(self.text):
            return Incomplete("a command line that ends in the middle of a command")
        return Unparsable("not a command line that a shell can read")

    def blanks(self) -> None:
        if found := _BLANKS.match(self.text, self.at):
            self.at = found.end()
        if self.starts("#"):
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            if self.typed and re.search(r"[;&|`$()<>]", self.text[self.at : end]):
                # zsh, and bash when told so, run what stands after a # that was typed.
                raise Unparsable("a comment that some shells would run")
            self.at = end

    def lines(self) -> None:
        """Take blanks, comments and line ends, and the here-documents that begin after one."""
        self.blanks()
        while self.starts("\n"):
            self.at += 1
            documents, self.documents = self.documents, []
            for redirect, tabs in documents:
                self._document(redirect, tabs)
            self.blanks()

    def _document(self, redirect: Redirect, tabs: bool) -> None:
        delimiter = "".join(part.text for part in redirect.target.parts if isinstance(part, Literal))
        literal = redirect.target.plain is None
        body: list[str] = []
        joined = ""
        while self.at < len(self.text):
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            line, self.at = joined + self.text[self.at : end].lstrip("\t" if tabs else ""), end + 1
            joined = ""
            if line == delimiter:
                break
            if not literal and (len(line) - len(line.rstrip("\\"))) % 2:
                # A line that is continued is one with the next, also where it is compared with the delimiter.
                joined = line[:-1]
                continue
            body.append(line + "\n")
        self.at = min(self.at, len(self.text))
        text = "".join(body) + joined
        redirect.target = Word([Literal(text, True)])
        if not literal:
            redirect.target = self.expression(text, quotes=True)

    def expect(self, what: str) -> None:
        self.lines()
        if not self.starts(what):
            raise self.unexpected()
        self.at += len(what)

    def peek(self) -> str:
        """The word that stands here where it has no quotes and expands to itself; nothing is taken."""
        found = _BARE.match(self.text, self.at)
        if not found or self.text[found.end() : found.end() + 1] in ("'", '"', "`", "$", "\\"):
            return ""
        return found.group().replace("\\\n", "")

    def reserved(self, *words: str) -> str:
        """Take one of these reserved words."""
        self.lines()
        peeked = self.peek()
        if peeked not in words:
            raise self.unexpected()
        self.word()
        return peeked

    def words(self) -> list[Word]:
        found = []
        self.blanks()
        while (word := self.word()).parts:
            found.append(word)
            self.blanks()
        return found

    def simple(self) -> Simple:
        command = Simple()
        while True:
            self.blanks()
            if self.redirect(command.redirects):
                continue
            if not command.words and (assignment := self._assignment()):
                command.assignments.append(assignment)
                continue
            word = self.word()
            if self.starts("("):
                if not (command.words and begins_array(word)):
                    raise self.unexpected()
                # declare name=(item …): the items are taken for words of it.
                word.parts.extend([Literal("", True)])
                command.words.append(word)
                command.words.extend(self._items())
                continue
            if not word.parts:
                break
            if any(redirect.operator.startswith("&") for redirect in command.redirects):
                # Where &> is no operator, & ends the command before it, and the word begins another.
                raise Unparsable("a word after &>, where shells disagree")
            command.words.append(word)
        if not (command.words or command.assignments or command.redirects):
            raise self.unexpected()
        return command

    def _assignment(self) -> Assignment | None:
        begins, index = self.at, None
        if found := _ASSIGNED.match(self.text, self.at):
            self.at = found.end()
            operator = found.group(2)
        elif found := _INDEXED.match(self.text, self.at):
            self.at = found.end()
            index = self.index()
            equals = _SET.match(self.text, self.at)
            if not equals:
                self.at = begins
                return None
            self.at, operator = equals.end(), equals.group()
        else:
            return None
        name, append = found.group(1), operator == "+="
        if self.starts("("):
            return Assignment(name, Word(), self._items(), append, index)
        return Assignment(name, self.word(), None, append, index)

    def _items(self) -> list[Word]:
        self.at += 1
        items: list[Word] = []
        while True:
            self.lines()
            if self.starts(")"):
                self.at += 1
                return items
            item = self.word()
            if not item.parts:
                raise self.unexpected()
            items.append(item)

    def redirect(self, redirects: list[Redirect]) -> bool:
        """Take a redirection, if one stands here."""
        found = _REDIRECT.match(self.text, self.at)
        if not found:
            return False
        self.at = found.end()
        operator = found.group(1)
        self.blanks()
        target = self.word()
        if not target.parts:
            raise self.unexpected()
        redirect = Redirect(operator, target)
        redirects.append(redirect)
        if operator in ("<<", "<<-"):
            if any(not isinstance(part, Literal) for part in target.parts):
                raise Unparsable("a here-document whose end is computed")
            self.documents.append((redirect, operator == "<<-"))
        return True
