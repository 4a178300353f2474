"""PostgreSQL's names for character encodings, and what Python calls them (PostgreSQL 18, table 23.3)."""

import re

UTF8 = "utf-8"

_CODECS = {
    "BIG5": "cp950",
    "EUCCN": "gb2312",
    "EUCJIS2004": "euc_jis_2004",
    "EUCJP": "euc_jp",
    "EUCKR": "euc_kr",
    "GB18030": "gb18030",
    "GBK": "cp936",
    "ISO88595": "iso8859_5",
    "ISO88596": "iso8859_6",
    "ISO88597": "iso8859_7",
    "ISO88598": "iso8859_8",
    "JOHAB": "johab",
    "KOI8": "koi8_r",
    "KOI8R": "koi8_r",
    "KOI8U": "koi8_u",
    "LATIN1": "iso8859_1",
    "LATIN2": "iso8859_2",
    "LATIN3": "iso8859_3",
    "LATIN4": "iso8859_4",
    "LATIN5": "iso8859_9",
    "LATIN6": "iso8859_10",
    "LATIN7": "iso8859_13",
    "LATIN8": "iso8859_14",
    "LATIN9": "iso8859_15",
    "LATIN10": "iso8859_16",
    "SHIFTJIS": "cp932",
    "SHIFTJIS2004": "shift_jis_2004",
    "SJIS": "cp932",
    "SQLASCII": UTF8,
    "UHC": "cp949",
    "UNICODE": UTF8,
    "UTF8": UTF8,
    "WIN866": "cp866",
    "ALT": "cp866",
    "WIN874": "cp874",
    "WIN1250": "cp1250",
    "WIN1251": "cp1251",
    "WIN": "cp1251",
    "WIN1252": "cp1252",
    "WIN1253": "cp1253",
    "WIN1254": "cp1254",
    "WIN1255": "cp1255",
    "WIN1256": "cp1256",
    "WIN1257": "cp1257",
    "WIN1258": "cp1258",
    "ABC": "cp1258",
    "TCVN": "cp1258",
    "VSCII": "cp1258",
    "WIN932": "cp932",
    "WINDOWS932": "cp932",
    "MSKANJI": "cp932",
    "WIN936": "cp936",
    "WINDOWS936": "cp936",
    "WIN949": "cp949",
    "WINDOWS949": "cp949",
    "WIN950": "cp950",
    "WINDOWS950": "cp950",
}

_LEAD_AND_TRAIL = re.compile(rb"[\x80-\xff](?s:.)")
_EMBEDDING = {
    "cp932": re.compile(rb"[\x81-\x9f\xe0-\xfc](?s:.)"),
    "shift_jis_2004": re.compile(rb"[\x81-\x9f\xe0-\xfc](?s:.)"),
    "cp936": _LEAD_AND_TRAIL,
    "cp949": _LEAD_AND_TRAIL,
    "cp950": _LEAD_AND_TRAIL,
    "johab": _LEAD_AND_TRAIL,
    "gb18030": re.compile(rb"[\x81-\xfe][0-9](?s:..)|[\x81-\xfe](?s:.)"),
}
"""Encodings in which a byte of a longer character can look like an ASCII character, and their longer characters."""


def codec_of(client_encoding: str) -> str:
    """Python's codec for a value of `client_encoding`.

    Python lacks EUC_TW and MULE_INTERNAL; `ascii` is right for what they have in common with every other.
    """
    return _CODECS.get(re.sub(r"[^A-Z0-9]", "", client_encoding.upper()), "ascii")


def embeds_ascii(codec: str) -> bool:
    """Whether a byte that looks like an ASCII character may be a part of a longer one."""
    return codec in _EMBEDDING


def ascii_only(data: bytes, codec: str) -> bytes:
    """The same number of bytes, with those of longer characters blotted out where they could pass for ASCII."""
    characters = _EMBEDDING.get(codec)
    if characters is None or data.isascii():
        return data
    return characters.sub(lambda character: b"\xff" * len(character[0]), data)
