"""Network addresses, and the logins that URLs carry."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address

from hoopaddon.detect.detector import AFTER_ESCAPE, ANY, KEEPS_SPAN, NUMBER_START, Edge, shaped

_IPV4_END = Edge(r"(?![0-9A-Za-z])(?!\.[0-9])", r"[^0-9A-Za-z]")
_IPV6_START = Edge(rf"(?:(?<![0-9A-Za-z:.])|{AFTER_ESCAPE.text})", rf"(?:[^0-9A-Za-z:.]|{AFTER_ESCAPE.raw})")
_IPV6_END = Edge(r"(?![0-9A-Za-z])(?!:[0-9A-Fa-f:])", r"[^0-9A-Za-z]")
_HEX = "[0-9A-F]{1,4}"


def is_ipv4(text: str) -> bool:
    """Whether it is an address of somebody: not `0.0.0.0`, not a loopback address."""
    if text.startswith("127.") or text == "0.0.0.0":  # noqa: S104
        return False
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


IPS = (
    shaped("ipv4", r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", start=NUMBER_START, end=_IPV4_END, check=is_ipv4),
    # The addresses of people and hosts begin with four digits: 2000::/3, fc00::/7, fe80::/10, ff00::/8.
    shaped(
        "ipv6",
        rf"[23F][0-9A-F]{{3}}(?::{_HEX}){{7}}"
        rf"|[23F][0-9A-F]{{3}}(?::{_HEX}){{0,6}}::(?:{_HEX}(?::{_HEX}){{0,6}})?",
        start=_IPV6_START,
        end=_IPV6_END,
        loose="::|" + "|".join(f":{first}[0-9A-F]{{0,3}}:{_HEX}:{_HEX}:" for first in "0123456789ABCDEF"),
        caseless=True,
        check=is_ipv6,
    ),
)

# Neither part may hold what ends a cell, a string or a literal around it. JSON written by PHP escapes the slashes.
_SCHEME_END = r":\\?/\\?/"

URL_CREDENTIAL = shaped(
    "url_credential",
    _SCHEME_END + r"""(?P<secret>[^ \t-\r\x00:/@?#"\\<>{},()]{0,256}+:[^ \t-\r\x00/?#"\\<>{},()]{1,512})@""",
    start=ANY,
    end=ANY,
    raw=_SCHEME_END + r"""[^ \t-\r\x00:/@"]*:[^ \t-\r\x00/"]+@""",
    rank=KEEPS_SPAN,
)
