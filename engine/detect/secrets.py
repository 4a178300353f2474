"""Tokens, API keys and private keys."""

import re
from collections.abc import Callable, Iterator

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from hoopaddon.detect.detector import AFTER_ESCAPE, ANY, KEEPS_SPAN, Detector, Edge, Span, shaped

_TOKEN_START = Edge(rf"(?:(?<![0-9A-Za-z_-])|{AFTER_ESCAPE.text})", rf"(?:[^0-9A-Za-z_\-]|{AFTER_ESCAPE.raw})")

JWT = shaped(
    "jwt",
    # Three parts (RFC 7519), or the five of an encrypted one (RFC 7516); the signature is part of what is hidden.
    r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{2,}+(?:\.[A-Za-z0-9_-]*+){0,3}",
    start=_TOKEN_START,
    end=ANY,
    raw=r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{2}",
    rank=1,
)

_LIBRARY = (
    AWSKeyDetector.denylist[:1],
    AzureStorageKeyDetector.denylist,
    DiscordBotTokenDetector.denylist,
    GitHubTokenDetector.denylist,
    GitLabTokenDetector.denylist,
    MailchimpDetector.denylist,
    PypiTokenDetector.denylist,
    SendGridDetector.denylist,
    SlackDetector.denylist,
    SquareOAuthDetector.denylist,
    StripeDetector.denylist,
    TelegramBotTokenDetector.denylist,
    TwilioKeyDetector.denylist,
)

# Issued in formats that the library does not know yet, or that its patterns take quadratic time for.
_OWN = (
    r"github_pat_[A-Za-z0-9_]{22}",
    r"sk-(?:proj|svcacct|admin|ant|or)-[A-Za-z0-9_\-]{20}",
    r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}",
    r"[rs]k_test_[0-9a-zA-Z]{24}",
    r"AIza[0-9A-Za-z_\-]{35}",
    r"npm_[A-Za-z0-9]{36}",
    r"hf_[A-Za-z]{34}",
    r"dop_v1_[a-f0-9]{64}",
    r"hv[sb]\.[A-Za-z0-9_\-]{24}",
    r"xox[ce](?:\.xox[bp])?-[0-9A-Za-z\-]{20}",
    r"xapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]{20}",
    r"A3-[A-Z0-9]{6}-[A-Z0-9]{6}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
)

# A pattern may stop at the length that tokens had when it was written; the rest of the token goes with it.
_TAIL = r"[A-Za-z0-9_\-]*+"
# What follows a cell in raw bytes is arbitrary, so a pattern must not look ahead. Nor need it: see the tail.
_LOOKAHEAD = r"(?!\w)"


def _api_key(pattern: str, *, caseless: bool = False) -> Detector:
    shape = pattern.replace(_LOOKAHEAD, "")
    # As long as the shortest token of the kind is enough to know it in bytes.
    raw = re.sub(r"\{(\d+),\d*\}$", r"{\1}", shape)
    return shaped("api_key", shape + _TAIL, raw=raw, start=ANY, end=ANY, caseless=caseless, rank=1)


def _from_library() -> Iterator[Detector]:
    for denylist in _LIBRARY:
        for pattern in denylist:
            yield _api_key(pattern.pattern, caseless=bool(pattern.flags & re.IGNORECASE))


# Forty characters of base64 are nothing by themselves; the name before them says what they are.
_AWS_NAME = r"aws[0-9A-Z_.\-]{0,20}(?:key|token|pwd|password)"
AWS_SECRET = shaped(
    "api_key",
    _AWS_NAME
    + r"""[0-9A-Z_]{0,10}\\?["']?[ \t]{0,3}[=:][ \t]{0,3}\\?["']?(?P<secret>[A-Z0-9/+]{40})(?![A-Z0-9/+=])""",
    raw=_AWS_NAME,
    start=ANY,
    end=ANY,
    caseless=True,
    rank=1,
)

API_KEYS = (*_from_library(), *map(_api_key, _OWN), AWS_SECRET)

_BEGIN = r"(?:-{4,5} ?)?BEGIN (?:[A-Z0-9]{1,10} ){0,4}PRIVATE KEY|PuTTY-User-Key-File-"
_BEGINS = re.compile(_BEGIN)
_END = re.compile(r"END (?:[A-Z0-9]{1,10} ){0,4}PRIVATE KEY(?: BLOCK)?(?: ?-{4,5})?|Private-MAC: ?[0-9a-f]*")
# Where a key is cut off, everything is hidden to the end of its cell or string.
_CUT = re.compile(r'[\x00"]|\Z')


def _private_key_spans(text: str, failed: Callable[[], None]) -> Iterator[Span]:
    """From each BEGIN to its END. One pass, however many of either there are."""
    position = 0
    end: re.Match[str] | None = None
    end_searched = limit = -1
    while begin := _BEGINS.search(text, position):
        if end_searched < begin.end():
            end = _END.search(text, begin.end())
            end_searched = end.end() if end else len(text)
        if limit < begin.end():
            cut = _CUT.search(text, begin.end())
            limit = cut.start() if cut else len(text)
        position = end.end() if end and begin.end() <= end.start() < limit else limit
        yield begin.start(), position


_BEGIN_BYTES = rb"BEGIN (?:[A-Z0-9]{1,10} ){0,4}PRIVATE KEY|PuTTY-User-Key-File-"

PRIVATE_KEY = Detector("private_key", _private_key_spans, tight=_BEGIN_BYTES, loose=_BEGIN_BYTES, rank=KEEPS_SPAN)
