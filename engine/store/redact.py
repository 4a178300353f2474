"""Takes secrets out of a statement before it is kept or shown, and leaves the rest of it as it was.

Taken out are the literal after the word PASSWORD (of a role, a user mapping …), the literals in a call of a
function that encrypts with a password, and passwords in connection strings and URIs. A statement in a statement (the
body of a DO, a string for EXECUTE) is looked into at any depth. Nothing else is taken out: a record in which much
could be hidden behind the word "password" would be none.
"""

import re
from dataclasses import dataclass

REDACTED = "[redacted]"

_MAX_DEPTH = 16
"""A statement nested deeper than this is no longer looked into."""

_SCANNER = re.compile(
    r"""
      (?P<comment> --[^\n]* )
    | (?P<block> /\* )
    | (?P<dollar> (?<![\w$]) \$ (?: [^\W\d]\w* )? \$ )
    | (?P<escaped> (?<![\w$]) E ' (?: [^'\\] | \\. | '' )* (?: ' | \Z ) )
    | (?P<plain> (?: (?<![\w$]) (?: U& | N ) )? ' (?: [^'] | '' )* (?: ' | \Z ) )
    | (?P<name> " (?: [^"] | "" )* (?: " | \Z ) )
    | (?P<password> (?<![\w$.]) PASSWORD (?![\w$]) )
    | (?P<call> (?<![\w$]) (?: pgp_sym_\w+ | pgp_pub_decrypt\w* | crypt | encrypt\w* | decrypt\w* | hmac ) \s* \( )
    | (?P<parameter> (?<![\w$]) \$ [0-9]{1,5} )
    | (?P<open> \( )
    | (?P<close> \) )
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_CONNINFO = re.compile(r"\b(password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s']+)", re.IGNORECASE)
_URI = re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]{0,256}:)[^\s@]{1,512}@", re.IGNORECASE)
_ESCAPED_QUOTE = re.compile(r"((?:^|[^\\])(?:\\\\)*)\\'")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Redacted:
    """A statement without its secrets. `secret`: it had one. `parameters`: the numbers of those that are one."""

    text: str
    secret: bool
    parameters: frozenset[int] = frozenset()


def may_hold_secret(text: str) -> bool:
    """Whether the statement is worth a look; without one of these words it is kept as it is."""
    lower = text.lower()
    return "password" in lower or "crypt" in lower or "://" in lower or "hmac" in lower


def redact(text: str, *, depth: int = 0) -> Redacted:
    """The statement as it may be kept; `depth` is how many literals it was found in."""
    if depth < _MAX_DEPTH and may_hold_secret(text):
        return _Redaction(text, depth).run()
    return Redacted(text, False)


class _Redaction:
    """One pass over one statement: what came before decides whether a literal is a secret."""

    def __init__(self, text: str, nesting: int) -> None:
        self.text = text
        self.nesting = nesting
        self.kept: list[str] = []
        self.end = 0
        """Up to where the text has been looked at."""
        self.secret = False
        self.parameters: set[int] = set()
        self.after_password = False
        self.depth = 0
        self.secret_depth = 0
        """How deep the parentheses were where a call with a secret began; 0 outside of one."""

    def run(self) -> Redacted:
        while match := _SCANNER.search(self.text, self.end):
            between = self.text[self.end : match.start()]
            if between and not between.isspace():
                self.after_password = False
            self.kept.append(between)
            self.end = match.end()
            getattr(self, f"_{match.lastgroup}")(match)
        self.kept.append(self.text[self.end :])
        return Redacted("".join(self.kept), self.secret, frozenset(self.parameters))

    def _comment(self, match: re.Match[str]) -> None:
        self.kept.append(match[0])

    def _block(self, match: re.Match[str]) -> None:
        depth = 1
        while depth and (edge := _COMMENT_EDGE.search(self.text, self.end)):
            depth += 1 if edge[0] == "/*" else -1
            self.end = edge.end()
        if depth:
            self.end = len(self.text)
        self.kept.append(self.text[match.start() : self.end])

    def _dollar(self, match: re.Match[str]) -> None:
        tag = match[0]
        close = self.text.find(tag, self.end)
        body = self.text[self.end : close] if close >= 0 else self.text[self.end :]
        self.end = close + len(tag) if close >= 0 else len(self.text)
        self.kept.append(f"{tag}{self._literal(body)}{tag if close >= 0 else ''}")

    def _escaped(self, match: re.Match[str]) -> None:
        self._quoted(match[0], _ESCAPED_QUOTE.sub(r"\1''", match[0]))

    def _plain(self, match: re.Match[str]) -> None:
        self._quoted(match[0], match[0])

    def _quoted(self, literal: str, plain: str) -> None:
        prefix, _, body = plain.partition("'")
        closed = body.endswith("'") and (len(body) - len(body.rstrip("'"))) % 2 == 1
        content = (body[:-1] if closed else body).replace("''", "'")
        kept = self._literal(content)
        # Written anew only where something was taken out, so that all else is kept as it came.
        quoted = kept.replace("'", "''")
        self.kept.append(literal if kept == content else f"{prefix}'{quoted}{"'" if closed else ''}")

    def _literal(self, content: str) -> str:
        # Only the call's own arguments: what is in a call within it may be run by that.
        if self.after_password or (self.secret_depth and self.depth == self.secret_depth):
            self.secret = True
            return REDACTED
        inner = redact(content, depth=self.nesting + 1)
        text = inner.text
        # With a semicolon in it, it may be a body in which `password = '…'` assigns a string that is run later.
        if ";" not in content:
            text = _CONNINFO.sub(rf"\1{REDACTED}", text)
        text = _URI.sub(rf"\1{REDACTED}@", text)
        self.secret = self.secret or inner.secret or text != content
        return text

    def _name(self, match: re.Match[str]) -> None:
        self.after_password = False
        self.kept.append(match[0])

    def _password(self, match: re.Match[str]) -> None:
        self.after_password = True
        self.kept.append(match[0])

    def _call(self, match: re.Match[str]) -> None:
        self._open(match)
        self.secret_depth = self.secret_depth or self.depth

    def _parameter(self, match: re.Match[str]) -> None:
        if self.after_password or (self.secret_depth and self.depth == self.secret_depth):
            self.secret = True
            self.parameters.add(int(match[0][1:]))
        self.after_password = False
        self.kept.append(match[0])

    def _open(self, match: re.Match[str]) -> None:
        self.after_password = False
        self.depth += 1
        self.kept.append(match[0])

    def _close(self, match: re.Match[str]) -> None:
        self.after_password = False
        if self.depth == self.secret_depth:
            self.secret_depth = 0
        self.depth -= 1
        self.kept.append(match[0])
