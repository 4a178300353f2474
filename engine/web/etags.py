"""Tags of what is masked: a tag is often a hash of what nobody may see, so that a guess could be confirmed by it.

Clients get tags of the gateway's own in their place, and only these mean something when they come back. Whoever asks
with a tag that it was not given asks with one that matches nothing (RFC 9110 sections 8.8.3 and 13.1).
"""

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict

from hoopaddon.web.request import Headers

MOST_KEPT = 10_000
MAX_TAG_CHARS = 512
_TAG = re.compile(r'(?:W/)?"[^"]*"')
_CONDITIONS = frozenset({"if-match", "if-none-match"})
_NOBODYS = 'W/"nobody-has-this"'


class Tags:
    """Those that were given out lately, and what they stand for."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._meant: OrderedDict[str, str] = OrderedDict()

    def hide(self, headers: Headers, tag: str) -> Headers:
        """The fields of an answer, with a tag of ours for the target's, which is `tag` as it came."""
        ours = self._ours(tag)
        fields = [(n, ours if n.lower() == "etag" else v) for n, v in headers]
        return Headers(tuple(field for field in fields if field[1] or field[0].lower() != "etag"))

    def reveal(self, headers: Headers) -> Headers:
        """The fields of a request, with the target's tags for ours."""
        return Headers(tuple((n, self._theirs(v) if n.lower() in _CONDITIONS else v) for n, v in headers))

    def _ours(self, tag: str) -> str:
        if not _TAG.fullmatch(tag) or len(tag) > MAX_TAG_CHARS:
            return ""
        digest = hmac.new(self._key, tag.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:32]
        self._meant[digest] = tag
        self._meant.move_to_end(digest)
        if len(self._meant) > MOST_KEPT:
            self._meant.popitem(last=False)
        return f'W/"{digest}"'

    def _theirs(self, value: str) -> str:
        if value.strip() == "*":
            return value
        said = (tag.removeprefix("W/").strip('"') for tag in _TAG.findall(value))
        return ", ".join([self._meant[tag] for tag in said if tag in self._meant]) or _NOBODYS
