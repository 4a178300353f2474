"""Every text that may stand behind a name of a prepared statement, for what SQL's EXECUTE of that name may run.

A Parse or PREPARE may fail and leave what it names as it was, and a Close may be skipped. So a text counts from the
moment at which it is sent, and until the server has confirmed a Close that was sent after it.
"""

from collections.abc import Collection, Mapping

from hoopaddon.command import Outcome, Verdict

MAX_NAMES = 65_536
MAX_TEXTS = 64
"""Under one name."""
MAX_NAME_BYTES = 63
"""NAMEDATALEN - 1: PostgreSQL cuts longer names, so that two of them can be one."""

TOO_MANY = Verdict(Outcome.REFUSED, "too many prepared statements; deallocate some", code="53400")


def is_plain(name: bytes) -> bool:
    """Whether a name means the same to everybody, whatever the encoding and wherever names are cut."""
    return len(name) <= MAX_NAME_BYTES and name.isascii()


class PreparedTexts:
    """The texts by name; `by_name` is for those who look up."""

    def __init__(self) -> None:
        self._generation = 0
        self._texts: dict[str, dict[str, int]] = {}

    @property
    def by_name(self) -> Mapping[str, Collection[str]]:
        return self._texts

    def remember(self, name: str, text: str) -> Verdict | None:
        """This text is sent under this name; a refusal where there are too many to remember."""
        self._generation += 1
        texts = self._texts.get(name)
        if texts is None:
            if len(self._texts) >= MAX_NAMES:
                return TOO_MANY
            texts = self._texts[name] = {}
        if text not in texts and len(texts) >= MAX_TEXTS:
            return TOO_MANY
        texts[text] = self._generation
        return None

    def only_text(self, name: str) -> bool:
        """Whether nothing but one text can stand behind the name."""
        return len(self._texts.get(name, ())) == 1

    @property
    def now(self) -> int:
        """The moment at which a Close is sent."""
        return self._generation

    def forget(self, name: str, sent_at: int) -> None:
        """The server has confirmed the Close of this name that was sent at that moment."""
        texts = {text: when for text, when in self._texts.pop(name, {}).items() if when > sent_at}
        if texts:
            self._texts[name] = texts

    def forget_all(self, sent_at: int) -> None:
        """The same for every name: DEALLOCATE ALL, DISCARD ALL."""
        for name in list(self._texts):
            self.forget(name, sent_at)
