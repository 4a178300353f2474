"""What a startup message sets, as the SQL that would set the same, so that policies judge it like any other SET."""

from collections.abc import Iterator, Mapping

from hoopaddon.errors import Refused

# What every driver sends, and what cannot change what a command does.
_HARMLESS = frozenset(
    {
        "application_name",
        "client_encoding",
        "client_min_messages",
        "database",
        "datestyle",
        "extra_float_digits",
        "geqo",
        "idle_in_transaction_session_timeout",
        "intervalstyle",
        "jit",
        "lock_timeout",
        "replication",
        "statement_timeout",
        "timezone",
        "user",
    }
)


def settings_in(parameters: Mapping[str, str]) -> Iterator[str]:
    """A SET for each setting that matters, those in `options` included. Raises `Refused` for options of another
    form than `-c name=value` and `--name=value`."""
    for name, value in parameters.items():
        if name == "options":
            for setting, text in _options(value):
                if setting.lower() not in _HARMLESS:
                    yield _set(setting, text)
        elif name.lower() not in _HARMLESS and not name.startswith("_pq_."):
            yield _set(name, value)


def _set(name: str, value: str) -> str:
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name.lower().split("."))
    text = value.replace("'", "''").replace("\\", "\\\\")
    return f"SET {quoted} TO {'E' if chr(92) in value else ''}'{text}'"


def _options(text: str) -> Iterator[tuple[str, str]]:
    words = iter(_words(text))
    for word in words:
        if word == "-c":
            word = next(words, "")
        elif word.startswith(("-c", "--")):
            word = word[2:]
        else:
            raise Refused("options other than -c name=value are refused by this gateway")
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise Refused("options other than -c name=value are refused by this gateway")
        yield name.replace("-", "_"), value


def _words(text: str) -> list[str]:
    """As PostgreSQL cuts `options`: at white space, unless a backslash stands before it (pg_split_opts)."""
    words: list[str] = []
    word = ""
    inside = escaped = False
    for character in text:
        if escaped or not (character.isspace() or character == "\\"):
            word += character
            inside, escaped = True, False
        elif character == "\\":
            inside = escaped = True
        elif inside:
            words.append(word)
            word, inside = "", False
    return [*words, word] if inside else words
