"""Every text that may stand behind a name of a prepared statement, for what SQL's EXECUTE of that name may run.

A Parse or PREPARE may fail and leave what it names as it was, and a Close may be skipped. So a text counts from the
moment at which it is sent, and until the server has confirmed a Close that was sent after it.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping

from hoopaddon.command import Outcome, Verdict

MAX_NAMES = 65_536
MAX_TEXTS = 64
"""Under one name."""
MAX_CHARACTERS = 32 * 1024 * 1024
"""Of all the texts of a session."""
MAX_NAME_BYTES = 63
"""NAMEDATALEN - 1: PostgreSQL cuts longer names, so that two of them can be one."""

OWN_NAME = secrets.token_hex(8).encode()
"""In every name that the gateway gives, so that no client can give the same."""

TOO_MANY = Verdict(Outcome.REFUSED, "too many prepared statements; deallocate some", code="53400")


def is_plain(name: bytes) -> bool:
    """Whether a name means the same to everybody, whatever the encoding and wherever names are cut."""
    return len(name) <= MAX_NAME_BYTES and name.isascii()


class PreparedTexts:
    """The texts by name; `by_name` is for those who look up."""

    def __init__(self) -> None:
        # From 1, so that 0 is before everything.
        self._generation = 1
        self._texts: dict[str, dict[str, int]] = {}
        self._characters = 0

    @property
    def by_name(self) -> Mapping[str, Collection[str]]:
        return self._texts

    def remember(self, name: str, text: str) -> Verdict | None:
        """This text is sent under this name; a refusal where there are too many to remember."""
        self._generation += 1
        texts = self._texts.get(name, {})
        if text not in texts:
            full = len(texts) >= MAX_TEXTS or self._characters + len(text) > MAX_CHARACTERS
            if full or (not texts and len(self._texts) >= MAX_NAMES):
                return TOO_MANY
            self._characters += len(text)
            self._texts[name] = texts
        texts[text] = self._generation
        return None

    def take_back(self, name: str, text: str, before: int | None, sent_at: int) -> None:
        """What was sent at that moment has given no name; `before` is when the text was sent the time before."""
        texts = self._texts.get(name, {})
        if texts.get(text) != sent_at:
            return
        if before is not None:
            texts[text] = before
        else:
            self._drop(name, [text])

    def sent_before(self, name: str, text: str) -> int | None:
        """When this text was last sent under this name."""
        return self._texts.get(name, {}).get(text)

    def _drop(self, name: str, gone: Iterable[str]) -> None:
        texts = self._texts[name]
        for text in gone:
            del texts[text]
            self._characters -= len(text)
        if not texts:
            del self._texts[name]

    def only_text(self, name: str) -> bool:
        """Whether nothing but one text can stand behind the name."""
        return len(self._texts.get(name, ())) == 1

    @property
    def now(self) -> int:
        """The moment at which a Close is sent."""
        return self._generation

    def forget(self, name: str, sent_at: int) -> None:
        """The server has confirmed the Close of this name that was sent at that moment."""
        if name in self._texts:
            self._drop(name, [text for text, when in self._texts[name].items() if when <= sent_at])

    def forget_all(self, sent_at: int) -> None:
        """The same for every name: DEALLOCATE ALL, DISCARD ALL."""
        for name in list(self._texts):
            self.forget(name, sent_at)
