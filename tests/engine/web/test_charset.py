"""Which text bytes are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.web.charset import encoded, text_of


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        (b"abc", "", "abc"),
        ("é".encode(), "", "é"),
        ("é".encode(), "UTF-8", "é"),
        ("é".encode(), "utf8", "é"),
        (b"\xef\xbb\xbfabc", "", "abc"),
        (b"abc", "us-ascii", "abc"),
        (b"abc", "iso-8859-1", "abc"),
        (b"\xe9", "iso-8859-1", "é"),
        (b"\x80", "windows-1252", "€"),
        ("é".encode("utf-16"), "utf-16", "é"),
        ("é".encode("utf-16"), "", "é"),
        ("abc".encode("utf-16-le"), "utf-16le", "abc"),
        ("日本".encode("shift_jis"), "shift_jis", "日本"),
    ],
)
def test_text(data: bytes, charset: str, text: str) -> None:
    assert text_of(data, charset) == text


@pytest.mark.parametrize(
    ("data", "charset", "why"),
    [
        (b"\xe9", "", "not UTF-8"),
        (b"\xc0\xae", "", "not UTF-8"),
        (b"\xed\xa0\x80", "", "not UTF-8"),
        (b"+ADw-", "utf-7", "not read here"),
        (b"abc", "rot13", "not read here"),
        (b"abc", "idna", "not read here"),
        (b"abc", "cp037", "not read here"),
        (b"abc", "x\0y", "not read here"),
        ("é".encode(), "iso-8859-1", "another one in UTF-8"),
        (b'{"a":1}', "utf-16le", "not in its charset"),
        (b'{"a": 1}', "utf-16le", "another one in UTF-8"),
        ("é".encode("utf-16"), "utf-8", "contradicts"),
        (b"\x80", "us-ascii", "not UTF-8"),
    ],
)
def test_lies(data: bytes, charset: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        text_of(data, charset)


@pytest.mark.parametrize("charset", ["", "utf-8", "iso-8859-15", "utf-16"])
def test_the_way_back(charset: str) -> None:
    assert text_of(encoded("naïve", charset), charset) == "naïve"


def test_a_charset_that_has_no_such_character() -> None:
    with pytest.raises(ValueError, match="can't encode"):
        encoded("日本", "iso-8859-1")


@settings(deadline=None)
@given(
    st.binary(max_size=40),
    st.sampled_from(["", "utf-8", "utf-16", "iso-8859-1", "gb18030", "shift_jis", "utf-7", "\x00"]),
)
def test_any_bytes_are_text_or_refused(data: bytes, charset: str) -> None:
    try:
        text = text_of(data, charset)
    except Unparsable:
        return
    assert text.encode() or not data.strip(b"\xef\xbb\xbf\xfe\xff\x00")
