"""Commands: lists, pipelines, compound commands, redirections and here-documents."""

import re
from collections.abc import Callable
from itertools import pairwise

from hoopaddon.errors import Unparsable
from hoopaddon.shell.lexer import closing
from hoopaddon.shell.simple import SimpleParser
from hoopaddon.shell.syntax import (
    Block,
    Branches,
    Command,
    Condition,
    Function,
    Incomplete,
    Item,
    Loop,
    Pipeline,
    Script,
    Word,
)

_ENDS = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})
_BINARY = frozenset({"=", "==", "!=", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"})
_NUMERIC = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-v", "-R"})
"""What evaluates its operands, or the subscript in a variable's name."""
_COPROCESS = re.compile(r"coproc\s+(\S+\s+)?([({]|(if|for|while|until|case|select)\s)")


def parse(text: str, *, typed: bool = False) -> Script:
    """The tree of a command line; `typed` is one that somebody types at a prompt.

    Raises `Unparsable`, and `Incomplete` where a shell would wait for more.
    """
    parser = Parser(text)
    parser.typed = typed
    script = parser.script(frozenset())
    if parser.at < len(text):
        raise parser.unexpected()
    return script


def whole_commands(lines: str) -> tuple[list[str], bool]:
    """The whole commands at the beginning of a shell's input, and whether it would wait for more of what follows.

    `lines` ends with the end of a line, as each command does. What neither is whole nor waits cannot be read.
    """
    # A quote behind the text of a here-document that has not ended is a part of it; elsewhere it opens.
    parser = Parser(lines + "'")
    parser.borders = borders = [0]
    waits = True
    try:
        parser.script(frozenset())
        waits = parser.at >= len(parser.text)
        if waits:
            # A here-document has taken the quote too. Otherwise a bracket closes what nothing has opened.
            borders = [border for border in borders if border < len(lines)] or [0]
    except Unparsable as e:
        waits = isinstance(e, Incomplete)
    except RecursionError:
        waits = False
    ends = [border for border in borders if border <= len(lines)]
    return [lines[begin:end] for begin, end in pairwise(ends)], waits and ends[-1] < len(lines)


class Parser(SimpleParser):
    """Reads a text from its beginning; every method reads on from where the last one stopped."""

    borders: list[int] | None = None
    """Where it is to note ends of lines at which nothing is open."""

    def script_of(self, text: str) -> Script:
        inner = Parser(text, self.depth + 1, self.work)
        script = inner.script(frozenset())
        if inner.at < len(text):
            raise inner.unexpected()
        return script

    def nested(self) -> Script:
        self.deeper()
        pending, self.documents = self.documents, []
        script = self.script(frozenset())
        if self.documents:
            raise Unparsable("a here-document that begins in a substitution and not its text")
        self.documents = pending
        self.expect(")")
        self.depth -= 1
        return script

    # -- Lists

    def script(self, ends: frozenset[str]) -> Script:
        """Items up to one of the reserved words, a closing bracket, `;;`, or the end."""
        script = Script()
        while True:
            begins = self.at
            self.lines()
            if self.borders is not None and not self.depth and "\n" in self.text[begins : self.at]:
                self.borders.append(self.text.rfind("\n", begins, self.at) + 1)
            if self.at >= len(self.text) or self.starts(")") or self.starts(";;") or self.starts(";&"):
                break
            if (peeked := self.peek()) in _ENDS:
                if peeked in ends:
                    break
                raise self.unexpected()
            item = self._item()
            script.items.append(item)
            self.blanks()
            if self.starts("&") and not self.starts("&&"):
                item.background = True
                self.at += 1
            elif self.starts(";") and self.text[self.at + 1 : self.at + 2] not in (";", "&"):
                self.at += 1
            elif not self.starts("\n"):
                break
        if self.documents and self.at >= len(self.text):
            raise Incomplete("a here-document without its text")
        return script

    def _item(self) -> Item:
        item = Item([self._pipeline()])
        while True:
            self.blanks()
            if not (self.starts("&&") or self.starts("||")):
                return item
            item.operators.append(self.text[self.at : self.at + 2])
            self.at += 2
            self.lines()
            item.pipelines.append(self._pipeline())

    def _pipeline(self) -> Pipeline:
        timed = False
        while (peeked := self.peek()) in ("!", "time"):
            self.word()
            self.blanks()
            if peeked == "time":
                timed = True
                while self.peek() in ("-p", "--"):
                    self.word()
                    self.blanks()
        pipeline = Pipeline([], timed)
        if timed and (self.at >= len(self.text) or self.text[self.at] in ";\n&|"):
            return pipeline
        while True:
            pipeline.commands.append(self._command())
            self.blanks()
            if not self.starts("|") or self.starts("||"):
                return pipeline
            self.at += 2 if self.starts("|&") else 1
            self.lines()

    # -- Commands

    def _command(self) -> Command:
        self.deeper()
        self.work.one_more()
        command: Command
        if compound := self._compound():
            command = compound
            self.blanks()
            while self.redirect(command.redirects):
                self.blanks()
            if self.at < len(self.text) and self.text[self.at] not in ";&|)\n":
                raise self.unexpected()
        else:
            command = self.simple()
        self.depth -= 1
        return command

    def _compound(self) -> "Block | Branches | Loop | Function | Condition | None":
        if self.starts("(("):
            return self._double() or self._subshell()
        if self.starts("("):
            return self._subshell()
        peeked = self.peek()
        if peeked in _ENDS or _COPROCESS.match(self.text, self.at):
            raise self.unexpected()
        reader = _COMPOUND.get(peeked)
        if reader is None:
            return self._function(peeked) if peeked else None
        self.word()
        return reader(self)

    def _subshell(self) -> Block:
        self.at += 1
        script = self.script(frozenset())
        self.expect(")")
        return Block(script, True)

    def group(self) -> Block:
        script = self.script(frozenset({"}"}))
        self.reserved("}")
        return Block(script, False)

    def _double(self) -> Condition | None:
        """`((…))`, or None where a subshell in a subshell begins."""
        end = closing(self.text, self.at + 2)
        if end is None or not self.starts("((") or not self.text.startswith("))", end):
            return None
        inner = self.text[self.at + 2 : end]
        if re.search(r"[;'\"\\#\n]", inner):
            return None
        self.at = end + 2
        try:
            instead = self.script_of(inner)
        except Unparsable:
            instead = None
        return Condition([], [self.expression(inner)], instead=instead)

    def if_(self) -> Branches:
        always = self.script(frozenset({"then"}))
        scripts: list[Script] = []
        self.reserved("then")
        while True:
            scripts.append(self.script(frozenset({"elif", "else", "fi"})))
            match self.reserved("elif", "else", "fi"):
                case "fi":
                    return Branches(always, scripts)
                case "elif":
                    scripts.append(self.script(frozenset({"then"})))
                    self.reserved("then")

    def while_(self) -> Loop:
        condition = self.script(frozenset({"do"}))
        body = self._do()
        return Loop(Script(condition.items + body.items))

    def _do(self) -> Script:
        self.reserved("do")
        body = self.script(frozenset({"done"}))
        self.reserved("done")
        return body

    def for_(self) -> Loop:
        self.blanks()
        if self.starts("(("):
            end = closing(self.text, self.at + 2)
            if end is None or not self.text.startswith("))", end):
                raise self.unexpected()
            head = self.expression(self.text[self.at + 2 : end])
            self.at = end + 2
            self._separator()
            return Loop(self._do(), "", [head])
        variable = self.word().plain
        if variable is None:
            raise self.unexpected()
        self.lines()
        values: list[Word] | None = None
        if self.peek() == "in":
            self.word()
            values = self.words()
        self._separator()
        return Loop(self._do(), variable, values)

    def _separator(self) -> None:
        self.blanks()
        if self.starts(";"):
            self.at += 1
        self.lines()

    def case(self) -> Branches:
        self.blanks()
        words = [self.word()]
        self.reserved("in")
        scripts: list[Script] = []
        while True:
            self.lines()
            if self.peek() == "esac":
                self.word()
                return Branches(Script(), scripts, words)
            if self.starts("("):
                self.at += 1
            words.extend(self._patterns())
            scripts.append(self.script(frozenset({"esac"})))
            self.lines()
            ending = re.compile(r";;&|;;|;&").match(self.text, self.at)
            if ending:
                self.at = ending.end()
            elif self.peek() != "esac":
                raise self.unexpected()

    def _patterns(self) -> list[Word]:
        patterns = []
        while True:
            self.blanks()
            patterns.append(self.word())
            self.blanks()
            if not patterns[-1].parts or not (self.starts("|") or self.starts(")")):
                raise self.unexpected()
            self.at += 1
            if self.text[self.at - 1] == ")":
                return patterns

    def keyword_function(self) -> Function:
        self.blanks()
        name = self.peek()
        self.word()
        self.blanks()
        if self.starts("("):
            self.at += 1
            self.expect(")")
        self.lines()
        return Function(name, self._command())

    def _function(self, name: str) -> Function | None:
        """`name () command`, or None where a simple command begins."""
        found = re.compile(re.escape(name) + r"[ \t]*\([ \t]*\)").match(self.text, self.at)
        if not found or "=" in name:
            return None
        self.at = found.end()
        self.lines()
        return Function(name, self._command())

    def test(self) -> Condition:
        """`[[ … ]]`. A shell without it runs what follows its `||`, so what could be a command there is refused."""
        condition = Condition([])
        term: list[Word] = []
        while True:
            self.lines()
            if self.at >= len(self.text):
                raise self.unexpected()
            operator = re.compile(r"&&|\|\||[()<>|]").match(self.text, self.at)
            if operator and not re.compile(r"[<>]\(").match(self.text, self.at):
                self.at = operator.end()
                if operator.group() in ("&&", "||"):
                    _sort(term, condition)
                    term = []
                continue
            word = self.word()
            if not word.parts:
                raise self.unexpected()
            if word.plain == "]]":
                _sort(term, condition)
                return condition
            if word.plain != "!":
                term.append(word)


def _sort(term: list[Word], condition: Condition) -> None:
    """Into what is compared as a number, or as a variable's name, and what is not."""
    texts = [word.plain for word in term]
    fine = (
        not term
        or (len(term) == 1 and (texts[0] is None or not texts[0].isalpha()))
        or (len(term) == 2 and (texts[0] or "").startswith("-"))
        or (len(term) >= 3 and texts[1] in _BINARY)
    )
    if not fine:
        raise Unparsable("a condition in [[ … ]] that cannot be read")
    is_number = any(text in _NUMERIC for text in texts)
    (condition.numbers if is_number else condition.words).extend(term)


_COMPOUND: dict[str, Callable[[Parser], Block | Branches | Loop | Function | Condition]] = {
    "{": Parser.group,
    "if": Parser.if_,
    "while": Parser.while_,
    "until": Parser.while_,
    "for": Parser.for_,
    "select": Parser.for_,
    "case": Parser.case,
    "function": Parser.keyword_function,
    "[[": Parser.test,
}
