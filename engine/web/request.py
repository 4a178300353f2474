"""A request as the protocols on HTTP judge it: what goes to the target, without the client's token."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in their order; a name may occur several times, in any case."""

    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str, default: str = "") -> str:
        """The values of all fields of this name, joined as RFC 9110 section 5.3 does."""
        found = self.all(name)
        return ", ".join(found) if found else default

    def all(self, name: str) -> tuple[str, ...]:
        """The value of each field of this name."""
        lowered = name.lower()
        return tuple(value for field, value in self.fields if field.lower() == lowered)

    def without(self, *names: str) -> "Headers":
        """All but the fields of these names, in lower case."""
        return Headers(tuple(field for field in self.fields if field[0].lower() not in names))

    def __contains__(self, name: str) -> bool:
        return bool(self.all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields)


NO_HEADERS = Headers()


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One request, exactly as it would be sent.

    `path` begins with a slash and is percent-encoded as the client sent it; `query` stands after the question mark,
    also as sent. `body` has the bytes of the message's content, still in its `Content-Encoding`; None where it is
    streamed and nobody can look into it before it is sent.
    """

    method: str
    scheme: str
    host: str
    port: int
    path: str
    query: str = ""
    headers: Headers = NO_HEADERS
    body: bytes | None = b""

    @property
    def target(self) -> str:
        """`path?query`."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def media_type(self) -> str:
        """`application/json`, in lower case, without parameters; empty where none is said."""
        return self.headers.get("content-type").partition(";")[0].strip().lower()
