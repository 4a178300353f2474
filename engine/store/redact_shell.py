"""Takes secrets out of a command line before it is kept or shown, and leaves the rest of it as it was.

Taken out are values without spaces that a shell does not compute: of options and variables whose name says that it is
a secret, of the options by which well-known programs take one, in headers and URIs, and what is piped into
`chpasswd`, `passwd` and `sudo -S`. A value that the shell computes stays: what runs there is what a record is for.
"""

import re

from hoopaddon.store.redact import REDACTED, Redacted

_NAME = r"(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)"
_VALUE = r"""(?P<value>(?:'[^'\s]*(?:'|\Z)|"[^"\s$`\\]*(?:"|\Z)|[^\s'"|;&<>()$`]+)+)"""
_PART = r"[^|;&\n]{0,2000}?"

_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![\w-])--(?:[a-z0-9]+-){{0,4}}{_NAME}(?:=|[ \t]+(?!-)){_VALUE}",
        rf"(?<![\w-])(?:\w{{0,60}}_)?(?:{_NAME}|\w+passw(?:or)?d|(?<=_)pwd)(?:_\w{{1,30}})?={_VALUE}",
        rf"(?:PGPASSWORD|MYSQL_PWD|SSHPASS)={_VALUE}",
        rf"\bcurl\b{_PART}\s(?:-u|--user|--proxy-user)[ =]?['\"]?[^\s:'\"]+:{_VALUE}",
        rf"\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump)\b{_PART}\s-p{_VALUE}",
        rf"\b(?:sshpass\b{_PART}\s-p|redis-cli\b{_PART}\s-a)\s*{_VALUE}",
        rf"\bpass:{_VALUE}",
        r"\b(?:Authorization\s*:\s*(?:\w+\s+)?|X-[\w-]*(?:key|token)\s*:\s*)(?P<value>[^\s'\"]+)",
        r"\b(?:password|identified\s+by)\s+(?P<value>'[^']*')",
        r"\b(?:echo|printf)\s(?P<value>[^|;&\n$`]{1,500})\|\s*(?:sudo\s+)?(?:chpasswd|passwd\b[^|;&\n]*--stdin|sudo\s+-S)",
        r"\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@'\"]{0,256}:(?P<value>[^\s@'\"]{1,512})@",
    )
)


def redact_line(text: str) -> Redacted:
    """The command line as it may be kept."""
    kept = text
    for pattern in _SECRETS:
        kept = pattern.sub(_without_value, kept)
    return Redacted(kept, kept != text)


def _without_value(found: re.Match[str]) -> str:
    start, end = found.span("value")
    before, after = found.start(), found.end()
    whole = found.string
    space = " " if whole[end - 1 : end].isspace() else ""
    return f"{whole[before:start]}{REDACTED}{space}{whole[end:after]}"
