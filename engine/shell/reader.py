"""Walks a command line as a shell would run it, and notes every program that it may run."""

from dataclasses import replace

from hoopaddon.errors import Unparsable
from hoopaddon.shell.builtins import BUILTINS
from hoopaddon.shell.expand import Expander
from hoopaddon.shell.interpreters import interpret
from hoopaddon.shell.parser import parse
from hoopaddon.shell.program import HOLE, Around, Call, Field, Input, Program, Scope, shown
from hoopaddon.shell.syntax import (
    Assignment,
    Block,
    Branches,
    Command,
    Condition,
    Function,
    Item,
    Loop,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Substitution,
    Word,
)
from hoopaddon.shell.wrappers import unwrap

MOST_COMMANDS = 5_000
MOST_ROUNDS = 16
DEEPEST_RUN = 24
LONGEST_OUTPUT = 64 * 1024
PROMPTS = frozenset({"PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT", "RPROMPT", "RPS1"})
"""Variables that shells expand once more when they show them."""


class Reader:
    """Collects the programs of one line.

    Every method that runs something returns what that writes, where it is constant, else None.
    """

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.called: set[str] = set()
        self._left = MOST_COMMANDS
        self._expander = Expander(self._substitution)
        self._channels = 0
        self._uncalled: list[tuple[str, Command, Around]] = []

    def note(self, program: Program) -> None:
        self.programs.append(program)

    def _nothing(self, call: Call) -> None:
        """No program, and yet files are opened or variables set."""
        self.note(replace(call.program(), path=""))

    # -- Scripts

    def text(self, text: str, around: Around) -> str | None:
        """Run a text that is known."""
        if around.depth >= DEEPEST_RUN:
            raise Unparsable("a command line that runs command lines too deep")
        return self.script(parse(text), replace(around, depth=around.depth + 1))

    def script(self, script: Script, around: Around) -> str | None:
        return joined([self._item(item, around) for item in script.items])

    def _item(self, item: Item, around: Around) -> str | None:
        if item.background:
            around = replace(around.inside(), forks=True)
        written = [self._pipeline(item.pipelines[0], around)]
        earlier: list[Scope] = []
        for operator, pipeline in zip(item.operators, item.pipelines[1:], strict=True):
            if operator == "||":
                # It runs after any of those before it has failed.
                for scope in earlier:
                    around.scope.join(scope)
            earlier.append(around.scope.copy())
            written.append(self._pipeline(pipeline, around))
        for scope in earlier:
            around.scope.join(scope)
        return written[0] if len(written) == 1 else joined(written) if all(w == "" for w in written[:-1]) else None

    def _pipeline(self, pipeline: Pipeline, around: Around) -> str | None:
        if pipeline.timed:
            self.note(Program("time"))
        if len(pipeline.commands) == 1:
            return self._command(pipeline.commands[0], around)
        written: str | None = None
        fed_by = around.fed_by
        for number, command in enumerate(pipeline.commands):
            stage = replace(around.inside(), forks=True, fed_by=fed_by)
            if number:
                stage = replace(stage, input=Input("pipe", written))
            begun = len(self.programs)
            written = self._command(command, stage)
            fed_by += tuple(p.name for p in self.programs[begun:] if p.name not in fed_by)
        return written

    def _command(self, command: Command, around: Around) -> str | None:
        self._left -= 1
        if self._left < 0:
            raise Unparsable("a command line that runs too many commands")
        if isinstance(command, Simple):
            return self._simple(command, around)
        reads, writes, around = self._redirected(command.redirects, around)
        if reads or writes:
            self._nothing(Call([Field(":")], around, reads, writes))
        written = self._compound(command, around)
        for path in writes:
            around.scope.wrote(path, written if len(writes) == 1 else None)
        return "" if writes else written

    def _compound(self, command: Command, around: Around) -> str | None:
        match command:
            case Block():
                return self.script(command.script, around.inside() if command.subshell else around)
            case Branches():
                self._expander.fields(command.words, around)
                self.script(command.always, around)
                before = around.scope.copy()
                for script in command.scripts:
                    branch = replace(around, scope=before.copy())
                    self.script(script, branch)
                    around.scope.join(branch.scope)
            case Loop():
                self._loop(command, around)
            case Function():
                around.scope.functions[command.name] = command.body
                # This line may not call it, the next one may.
                self._uncalled.append((command.name, command.body, around))
                return ""
            case Condition():
                for word in command.words:
                    self._expander.text(word, around)
                for word in command.numbers:
                    self.evaluate(self._expander.text(word, around), around)
                if command.instead is not None:
                    self._instead(command.instead, around)
                return ""
            case Simple():
                return self._simple(command, around)
        return None

    def finish(self) -> None:
        """Run the functions that nothing has called."""
        for name, body, around in self._uncalled[:MOST_ROUNDS]:
            if name not in self.called:
                scope = around.scope.copy()
                scope.variables = {}
                scope.arguments = None
                self._command(body, replace(around, scope=scope, calls=(*around.calls, name)))

    def _instead(self, script: Script, around: Around) -> None:
        begun = len(self.programs)
        self.script(script, around.inside())
        likely = [p for p in self.programs[begun:] if len(p.name) > 1 and p.name.isalpha()]
        self.programs[begun:] = likely

    def _loop(self, loop: Loop, around: Around) -> None:
        values: list[Field] = []
        if not loop.variable:
            for head in loop.values or ():
                self.evaluate(self._expander.text(head, around), around)
        elif loop.values is not None:
            values = self._expander.fields(loop.values, around)
        elif (arguments := around.scope.arguments) is not None:
            values = [Field(text) for text in arguments]
        else:
            values = [Field(HOLE)]
        for name in assigned(loop.script):
            around.scope.set(name, HOLE)
        before = around.scope.copy()
        if loop.variable and len(values) > MOST_ROUNDS:
            values = [Field(HOLE)]
        for value in values if loop.variable else [Field("")]:
            if loop.variable:
                self.assign(loop.variable, value.text, around)
            self.script(loop.script, around)
        around.scope.join(before)

    # -- Simple commands

    def _simple(self, command: Simple, around: Around) -> str | None:
        sets = {}
        for assignment in command.assignments:
            sets[assignment.name] = self._assign(assignment, around, keep=not command.words)
        fields = self._expander.fields(command.words, around)
        reads, writes, inner = self._redirected(command.redirects, around)
        if not fields:
            if sets or reads or writes:
                self._nothing(Call([Field(":")], inner, reads, writes, sets))
            self._written(writes, around, "")
            return ""
        before = {name: around.scope.variables[name] for name in sets if name in around.scope.variables}
        if command.words:
            around.scope.variables.update({name: HOLE if value is None else value for name, value in sets.items()})
        output = self.call(Call(fields, inner, reads, writes, sets))
        if command.words:
            for name in sets:
                around.scope.variables.pop(name, None)
            around.scope.variables.update(before)
        self._written(writes, around, output)
        return "" if writes else output

    def _written(self, writes: frozenset[str], around: Around, output: str | None) -> None:
        for path in writes:
            around.scope.wrote(path, output)

    def _assign(self, assignment: Assignment, around: Around, *, keep: bool) -> str | None:
        if assignment.index is not None:
            self.evaluate(self._expander.text(assignment.index, around), around)
        if assignment.items is not None:
            items = [field.text for field in self._expander.fields(assignment.items, around)]
            for item in items:
                if item.startswith("[") or assignment.name in around.scope.integers:
                    # ([EXPRESSION]=VALUE): the name makes a subscript of it.
                    self.evaluate(f"{assignment.name}{item}" if item.startswith("[") else item, around)
            old = around.scope.variables.get(assignment.name, [])
            if keep:
                whole = [*(old if isinstance(old, list) else [old]), *items] if assignment.append else items
                around.scope.set(assignment.name, whole)
            return shown(" ".join(items))
        value = self._expander.text(assignment.value, around)
        if assignment.append:
            old = around.scope.get(assignment.name)
            value = old + value if isinstance(old, str) else HOLE
        if assignment.index is not None:
            value = HOLE
        if keep:
            self.assign(assignment.name, value, around)
        elif assignment.name in PROMPTS:
            self._expander.evaluator.prompt(value, around)
        return shown(value)

    def assign(self, name: str, value: str, around: Around) -> None:
        self._expander.evaluator.subscripts(name, around)
        if name in around.scope.integers:
            self.evaluate(value, around)
        if name in PROMPTS:
            self._expander.evaluator.prompt(value, around)
        around.scope.set(name, value)

    def evaluate(self, text: str, around: Around) -> None:
        self._expander.evaluator.number(text, around)

    def _redirected(self, redirects: list[Redirect], around: Around) -> tuple[frozenset[str], frozenset[str], Around]:
        reads, writes = set(), set()
        for redirect in redirects:
            target = self._expander.text(redirect.target, around)
            match redirect.operator:
                case "<<" | "<<-" | "<<<":
                    text = None if HOLE in target else target + ("\n" if redirect.operator == "<<<" else "")
                    around = replace(around, input=Input("text", text))
                case "<" | "<>":
                    reads.add(shown(target) or "…")
                    known = around.scope.written(target)
                    around = replace(around, input=Input("pipe" if around.scope.has(target) else "file", known))
                    if redirect.operator == "<>":
                        writes.add(shown(target) or "…")
                case "<&" | ">&" if target.rstrip("-").isdigit() or target == "-":
                    pass
                case _:
                    writes.add(shown(target) or "…")
        return frozenset(reads), frozenset(writes), around

    def call(self, call: Call) -> str | None:
        """Run one program, or the function, alias or builtin of that name."""
        self._left -= 1
        if self._left < 0 or call.around.depth > DEEPEST_RUN:
            raise Unparsable("a command line that runs too many commands")
        name, scope = call.name, call.around.scope
        if name in scope.aliases:
            return self._alias(name, call)
        if (body := scope.functions.get(name)) is not None:
            return self._function(name, body, call)
        if (builtin := BUILTINS.get(name)) is not None:
            return builtin(self, call)
        if unwrap(self, call) or interpret(self, call):
            return None
        self.note(call.program())
        return None

    def _alias(self, name: str, call: Call) -> str | None:
        aliases = {key: value for key, value in call.around.scope.aliases.items() if key != name}
        scope = call.around.scope.copy()
        value, scope.aliases = scope.aliases[name], aliases
        if HOLE in value:
            self.note(call.program(name=""))
            return None
        script = parse(value + " :" if value.endswith((";", "&", "|")) else value)
        last = script.items[-1].pipelines[-1].commands[-1] if script.items else None
        around = replace(call.around, scope=scope, depth=call.around.depth + 1)
        if isinstance(last, Simple) and call.arguments:
            fields = call.arguments
            self.call(Call([*self._expander.fields(last.words, around), *fields], around, call.reads, call.writes))
        return self.script(script, around)

    def _function(self, name: str, body: Command, call: Call) -> str | None:
        self.called.add(name)
        if name in call.around.calls:
            if call.around.forks:
                self.note(call.program("itself"))
            return None
        scope = call.around.scope
        arguments, scope.arguments = scope.arguments, [field.text for field in call.arguments]
        calls = (*call.around.calls, name)
        written = self._command(body, replace(call.around, calls=calls, depth=call.around.depth + 1))
        scope.arguments = arguments
        return written

    def _substitution(self, part: Substitution, around: Around) -> str:
        inner = around.inside()
        if part.kind == ">":
            inner = replace(inner, input=Input("pipe"), fed_by=(*around.fed_by, "…"))
        written = self.script(part.script, inner)
        if part.kind == "$":
            return HOLE if written is None or len(written) > LONGEST_OUTPUT else written.rstrip("\n")
        if not part.script.items:
            # bash makes nothing of <(), and a name of a file where there is a blank in it.
            return HOLE
        self._channels += 1
        path = f"/dev/fd/{62 + self._channels}"
        around.scope.wrote(path, written)
        return path


def joined(written: list[str | None]) -> str | None:
    """What several write, one after the other."""
    return None if None in written else "".join(text for text in written if text)


def assigned(script: Script) -> set[str]:
    """The variables that a script may set."""
    names: set[str] = set()
    waiting: list[Script | Command] = [script]
    while waiting:
        match waiting.pop():
            case Script(items=items):
                waiting.extend(c for item in items for pipeline in item.pipelines for c in pipeline.commands)
            case Simple(assignments=found, words=words):
                names.update(assignment.name for assignment in found)
                names.update(text.partition("=")[0].partition("+")[0] for word in words if (text := _leading(word)))
            case Block(script=inner):
                waiting.append(inner)
            case Loop(script=inner, variable=variable):
                waiting.append(inner)
                names.add(variable)
            case Branches(always=always, scripts=scripts):
                waiting.extend([always, *scripts])
            case Function(body=body):
                waiting.append(body)
            case Condition():
                pass
    return names


def _leading(word: Word) -> str:
    """The literal text that a word begins with."""
    text = getattr(word.parts[0], "text", "") if word.parts else ""
    return text if isinstance(text, str) else ""


def read(text: str, *, typed: bool = False, scope: Scope | None = None) -> tuple[Program, ...]:
    """The programs of a line. `scope` is what lines before it have left, and then what this one leaves.

    Raises `Unparsable`.
    """
    reader = Reader()
    reader.script(parse(text, typed=typed), Around(Scope() if scope is None else scope))
    reader.finish()
    return tuple(reader.programs)
