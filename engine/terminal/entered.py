"""What was entered before, as far as it bears on what is entered next: lines that go on, variables, folders."""

from collections.abc import Iterable
from contextlib import suppress

from hoopaddon.errors import Unparsable
from hoopaddon.session import Session
from hoopaddon.shell.facts import Scope, facts_behind
from hoopaddon.shell.program import HOLE
from hoopaddon.terminal.command import HIDDEN, KNOWN, UNSURE, TypedLine, is_finished

MOST_JOINED = 1 << 14
"""How long a command of several lines may be, of which each is judged as it is typed."""
MOST_ENTRIES = 100


class Entered:
    """The lines of one session's shell."""

    def __init__(self, session: Session, line: type[TypedLine]) -> None:
        self._session, self._line = session, line
        self._scope = Scope()
        self._lost = False
        self.earlier = ""
        """Lines that were sent, and that the shell waits to be continued."""

    def command(self, text: str, knowledge: str = KNOWN, others: Iterable[str] = ()) -> TypedLine:
        """What is to be judged before this line is sent."""
        if knowledge == HIDDEN:
            return self._line(self._session, "", HIDDEN)
        if not self.earlier:
            return self._line(self._session, text, self._as_known(knowledge), others, behind=self._scope)
        whole = self.earlier + text
        return self._line(
            self._session,
            whole,
            self._as_known(knowledge),
            (text, *others),
            behind=self._scope,
            unfinished=not is_finished(whole),
        )

    def went(self, command: TypedLine) -> None:
        """It is sent to the shell."""
        if command.parameters[0] == HIDDEN:
            return
        text = command.text
        if not is_finished(text):
            if len(text) < MOST_JOINED:
                self.earlier = text + "\n"
                return
            # From here on nobody knows how the shell reads what is entered.
            self._lost = True
        self.earlier = ""
        scope = self._scope.apart()
        with suppress(Unparsable):
            programs = facts_behind(text, scope).programs
            elsewhere = any(program.code == "input" for program in programs)
            if scope.folder == HOLE:
                # It is as little known as it was at the beginning.
                scope.folder = ""
            self._scope = Scope() if elsewhere or scope.entries > MOST_ENTRIES else scope

    def given_up(self) -> None:
        """What the shell waited with is taken back."""
        self.earlier = ""
        self._lost = False

    def _as_known(self, knowledge: str) -> str:
        return UNSURE if self._lost else knowledge
