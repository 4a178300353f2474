"""The values of a Bind as text, decoded when somebody reads them."""

from collections.abc import Iterator, Sequence
from typing import overload

from hoopaddon.adapters.postgres.protocol.codec import Bind, text_of
from hoopaddon.adapters.postgres.session.pipeline import Statement
from hoopaddon.adapters.postgres.values.values import Values

MAX_SHORT_BYTES = 1024
"""Values that are no longer together are decoded at once: that is less work than to remember how."""


def parameters_of(bind: Bind, statement: Statement, values: Values) -> Sequence[str | None]:
    """The values of this Bind of the statement."""
    if not bind.parameter_formats and sum([len(value) for value in bind.values if value]) <= MAX_SHORT_BYTES:
        encoding = values.encoding
        return [None if value is None else text_of(value, encoding, "replace") for value in bind.values]
    return BoundParameters(bind, statement, values)


class BoundParameters(Sequence[str | None]):
    """One text (None: NULL) per parameter. A binary value of a type we do not know reads as `\\x…`."""

    __slots__ = ("_bind", "_statement", "_texts", "_values")

    def __init__(self, bind: Bind, statement: Statement, values: Values) -> None:
        self._bind = bind
        self._statement = statement
        self._values = values
        self._texts: list[str | None] | None = None

    def _read(self) -> list[str | None]:
        if self._texts is None:
            self._texts = [self._text(index, value) for index, value in enumerate(self._bind.values)]
        return self._texts

    def _text(self, index: int, value: bytes | None) -> str | None:
        if value is None:
            return None
        binary = self._bind.parameter_format(index)
        types = self._statement.types
        oid = types[index] if index < len(types) else 0
        if not binary:
            return text_of(value, self._values.encoding, "replace")
        text = self._values.to_text(oid, value, binary)
        return "\\x" + value.hex() if text is None else text

    def __len__(self) -> int:
        return len(self._bind.values)

    def __iter__(self) -> Iterator[str | None]:
        return iter(self._read())

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[str | None]: ...
    def __getitem__(self, index: int | slice) -> str | list[str | None] | None:
        return self._read()[index]
