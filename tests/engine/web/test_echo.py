"""A credential that a target echoes is shown as stars, however it has been encoded, and wherever it is cut."""

import base64
import html
import json
import quopri
import re
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon.detect import prefilter
from hoopaddon.web.echo import EchoFilter
from hoopaddon.web.spellings import SHORTEST, spellings

SECRETS = [
    "sekretsekret",
    "abc+def/ghi<jkl>==",
    "a&b=c%d+e/f<g>h",
    "&<>+/=%\\\"'& x",
    "a&amp;b%25c\\u0041d",
    "aaaaaaaab",
    "пароль-ключ",
    "pass😀word1",
    "ghp_0123456789abcdefABCDEF",
    "J" * 900 + ".x",
]


def escaped(style: Callable[[int], str], which: str = ".") -> Callable[[str], bytes]:
    """Encodes the characters that match, by their UTF-16 units."""

    def encode(secret: str) -> bytes:
        def units(found: re.Match[str]) -> str:
            wide = found[0].encode("utf-16-be")
            return "".join(style(int.from_bytes(wide[at : at + 2])) for at in range(0, len(wide), 2))

        return re.sub(which, units, secret).encode()

    return encode


ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "upper case": lambda s: s.encode().upper(),
    "url": lambda s: quote(s, safe="").encode(),
    "url but slashes": lambda s: quote(s).encode(),
    "url in lower case": lambda s: quote(s, safe="").lower().encode(),
    "url of everything": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()).encode(),
    "url twice": lambda s: quote(quote(s, safe=""), safe="").encode(),
    "form": lambda s: quote_plus(s).encode(),
    "json": lambda s: json.dumps(s)[1:-1].encode(),
    "json in utf-8": lambda s: json.dumps(s, ensure_ascii=False)[1:-1].encode(),
    "json with slashes": lambda s: json.dumps(s)[1:-1].replace("/", "\\/").encode(),
    "json in json": lambda s: json.dumps(json.dumps(s)[1:-1])[1:-1].encode(),
    "json of go": lambda s: escaped(lambda u: f"\\u{u:04x}", "[<>&]")(json.dumps(s)[1:-1]),
    "json of .net": lambda s: escaped(lambda u: f"\\u{u:04X}", "[<>&+'\"\\\\`]|[^ -~]")(s),
    "json of everything": escaped(lambda u: f"\\u{u:04x}"),
    "json of the first": escaped(lambda u: f"\\u{u:04x}", "^."),
    "json of letters": escaped(lambda u: f"\\u{u:04X}", "[a-z]"),
    "html": lambda s: html.escape(s).encode(),
    "html by numbers": lambda s: re.sub("[<>&'\"/+=]", lambda e: f"&#{ord(e[0])};", s).encode(),
    "html by long numbers": lambda s: re.sub("[<>&'\"]", lambda e: f"&#{ord(e[0]):03};", s).encode(),
    "html by hexadecimal numbers": lambda s: re.sub(".", lambda e: f"&#x{ord(e[0]):x};", s).encode(),
    "html by upper case": lambda s: re.sub(".", lambda e: f"&#X{ord(e[0]):X};", s).encode(),
    "html in html": lambda s: html.escape(html.escape(s)).encode(),
    "html in json of go": lambda s: html.escape(s).replace("&", "\\u0026").encode(),
    "javascript": lambda s: "".join(f"\\x{byte:02X}" for byte in s.encode()).encode(),
    "octal": lambda s: "".join(f"\\{byte:03o}" for byte in s.encode()).encode(),
    "mail": lambda s: quopri.encodestring(s.encode(), quotetabs=True).replace(b"=\n", b""),
    "hexadecimal": lambda s: s.encode().hex().encode(),
    "upper hexadecimal": lambda s: s.encode().hex().upper().encode(),
    "utf-16-le": lambda s: s.encode("utf-16-le"),
    "utf-16-be": lambda s: s.encode("utf-16-be"),
    "base64": lambda s: base64.b64encode(s.encode()),
    "base64 of a pair": lambda s: base64.b64encode(f"user:{s}!".encode()),
    "base64 of another": lambda s: base64.urlsafe_b64encode(f"x:{s}".encode()),
    "base64 in a url": lambda s: quote(base64.b64encode(s.encode()), safe="").encode(),
    "base64 in json of .net": lambda s: base64.b64encode(s.encode()).replace(b"+", b"\\u002B"),
}


def shown(secret: str, chunks: list[bytes]) -> bytes:
    echo = EchoFilter([secret, "another-secret"])
    return b"".join(map(echo.feed, chunks)) + echo.end()


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_encoding_shows_a_secret(encoding: str, secret: str) -> None:
    encoded = ENCODINGS[encoding](secret)
    got = shown(secret, [b"[" + encoded + b"]"])
    assert got.startswith(b"[")
    assert b"*" in got
    # Of base64 the characters that depend on what is around remain, of UTF-16 a zero.
    assert len(got.replace(b"*", b"").replace(b"\0", b"")) <= 14
    for at in {1, 2, 3, 5, len(encoded) // 2, len(encoded) - 1}:
        assert shown(secret, [b"[" + encoded[:at], encoded[at:] + b"]"]) == got
    if len(encoded) < 400:
        assert shown(secret, [b"[", *(encoded[at : at + 1] for at in range(len(encoded))), b"]"]) == got


def test_wide_characters_stay_where_they_are() -> None:
    for codec in ("utf-16-le", "utf-16-be"):
        got = shown("sekretsekret", ["vor sekretsekret nach".encode(codec)])
        assert got.decode(codec) == "vor ******** nach"


def test_python_finds_the_same_without_hyperscan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefilter, "hyperscan", None)
    spellings.cache_clear()
    try:
        for encoding in ENCODINGS.values():
            text = b"[" + encoding(SECRETS[1]) + b"]"
            assert b"*" in shown(SECRETS[1], [text[:9], text[9:]])
    finally:
        spellings.cache_clear()


@pytest.mark.parametrize(
    "chunk",
    [b"data: 1\n\n", b"sekret sekret\n", b"nothing of it.", b'{"a": "sekretsekre", "b": "\\u0041"}', b"\0" * 99],
)
def test_what_cannot_be_the_beginning_of_a_secret_leaves_at_once(chunk: bytes) -> None:
    assert EchoFilter(["sekretsekret"]).feed(chunk) == chunk


def test_what_may_be_a_beginning_waits_and_leaves_in_the_end() -> None:
    echo = EchoFilter(["sekretsekret"])
    assert echo.feed(b"a sekret") == b"a "
    assert echo.feed(b"sekre") == b""
    assert echo.feed(b"!") == b"sekretsekre!"
    assert echo.feed(b"a %7") == b"a "
    assert echo.end() == b"%7"
    assert echo.end() == b""


def test_beginnings_within_beginnings() -> None:
    assert shown("abababababX", [b"ababababab", b"ababX-ababab"]) == b"abab" + b"********" + b"-ababab"
    assert shown("aaaaaaab", [b"a" * 20, b"b"]) == b"a" * 13 + b"********"


def test_a_short_secret_is_not_looked_for() -> None:
    assert EchoFilter(["x" * (SHORTEST - 1)]).feed(b"x" * 9) == b"x" * 9
    assert EchoFilter([]).whole("x") == "x"


def test_a_short_text_is_shown_at_once() -> None:
    echo = EchoFilter(["sekretsekret"])
    assert echo.whole("Bearer sekretsekret, sekret") == "Bearer ********, sekret"
    assert echo.whole("ü\udcff %73EKRETsekret") == "ü\udcff ********"


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(SECRETS[:9]),
    st.lists(st.tuples(st.sampled_from(sorted(ENCODINGS)), st.binary(max_size=6)), max_size=5),
    st.lists(st.integers(0, 3000), max_size=8),
)
def test_any_cut_shows_the_same(secret: str, parts: list[tuple[str, bytes]], places: list[int]) -> None:
    text = b"".join(between + b"|" + ENCODINGS[name](secret) for name, between in parts)
    cuts = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    whole = shown(secret, [text])
    assert shown(secret, [text[one:other] for one, other in pairwise(cuts)]) == whole
    assert secret.encode() not in whole


@given(st.binary(max_size=300))
def test_what_holds_no_secret_stays_as_it_is(data: bytes) -> None:
    assert shown("sekretsekret", [data[:100], data[100:]]) == data
