"""Takes secrets out of a request, a message or a call before it is kept or shown, and leaves the rest as it was.

Taken out are texts whose name says that they are one: in a query or a form, a JSON document, an element of XML or a
part of a multipart; what a URI or an Authorization field carries; and signed tokens, wherever they stand. Numbers,
lists and objects stay, whatever they are called: what a request does is what a record is for.
"""

import re

from hoopaddon.store.redact import REDACTED, Redacted

_SAYS_SO = (
    r"(?:pass(?:word|wd|phrase)|secret|token|api[-_]?key|access[-_]?key(?![-_]?id)|private[-_]?key|credentials?"
    r"|signature|authorization|assertion|code[-_]verifier)"
)
_NAME = rf"(?:[\w.$-]{{0,40}}?{_SAYS_SO}(?!s[\"=])[\w$-]{{0,20}}|pass|pwd|pin|otp|jwt|sig)"

_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:^|[?&\n])(?:[\w.%-]{{1,40}}(?:\[|%5B))?{_NAME}(?:\]|%5D)?=(?P<value>[^&\s#]+)",
        rf'"{_NAME}"\s{{0,20}}:\s{{0,20}}"(?P<value>(?:[^"\\]|\\.)+)',
        rf'\\"{_NAME}\\"\s{{0,20}}:\s{{0,20}}\\"(?P<value>(?:[^"\\]|\\\\.)+)',
        rf"<(?:[\w-]{{1,40}}:)?{_NAME}(?:\s[^<>]{{0,500}})?>(?P<value>[^<]+)",
        rf'name="{_NAME}"[^\n]{{0,500}}\n(?:[\w-]+:[^\n]{{0,500}}\n){{0,5}}\r?\n(?P<value>[^\r\n]+)',
        r"\b(?:Authorization\s{0,5}:\s{0,5}(?:\w{1,20}\s{1,5})?|X-[\w-]{0,40}(?:key|token)\s{0,5}:\s{0,5})"
        r"(?P<value>[^\s'\"]+)",
        r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"]{0,256}:(?P<value>[^\s@'\"]{1,512})@",
        r"(?P<value>\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})",
    )
)


def redact_request(text: str) -> Redacted:
    """The text as it may be kept."""
    kept = text
    for pattern in _SECRETS:
        kept = pattern.sub(_without_value, kept)
    return Redacted(kept, kept != text)


def _without_value(found: re.Match[str]) -> str:
    (start, end), whole = found.span("value"), found.string
    return f"{whole[found.start() : start]}{REDACTED}{whole[end : found.end()]}"
