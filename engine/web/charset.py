"""Which text bytes are, where the media type's `charset` may say so, or lie."""

import codecs

from hoopaddon.errors import Unparsable

# UTF-7 and its like hide ASCII behind ASCII; a charset outside this table is refused.
_KNOWN = frozenset(
    {
        *("utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"),
        *(f"iso8859-{n}" for n in range(1, 17)),
        *(f"cp125{n}" for n in range(9)),
        *("koi8-r", "koi8-u", "mac-roman", "tis-620"),
        *("shift_jis", "euc_jp", "euc_kr", "gb2312", "gbk", "gb18030", "big5", "cp932", "cp949", "cp950"),
    }
)
# UTF-32's in little-endian order begins as UTF-16's does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def text_of(data: bytes, charset: str = "") -> str:
    """The one text that these bytes are; without a charset they are UTF-8. A byte order mark is taken off.

    Raises `Unparsable` where they are not in that charset, and where those who go by it and those who take
    everything for UTF-8 would read different texts.
    """
    name = known(charset)
    marked = next((of for mark, of in _MARKS if data.startswith(mark)), "")
    if marked:
        if charset and not name.startswith(marked):
            raise Unparsable("text whose byte order mark contradicts its charset")
        return _decoded(data, marked)
    if name in ("utf-8", "ascii"):
        return _decoded(data, "utf-8-sig")
    text = _decoded(data, name)
    if not data.isascii() or name.startswith(("utf-16", "utf-32")):
        try:
            other = data.decode("utf-8")
        except UnicodeDecodeError:
            return text
        if other != text and "\x00" not in other:
            raise Unparsable("text that is another one in UTF-8 than in the charset that it names")
    return text


def known(charset: str) -> str:
    """Python's name of the charset; raises `Unparsable` for one that is not read here."""
    if not charset:
        return "utf-8"
    try:
        name = codecs.lookup(charset).name
    except (LookupError, ValueError):
        name = ""
    if name not in _KNOWN:
        raise Unparsable("text in a charset that is not read here: use UTF-8")
    return name


def encoded(text: str, charset: str = "") -> bytes:
    """The way back of `text_of`. Raises `ValueError` for text that the charset does not have."""
    name = known(charset)
    return text.encode("utf-8" if name == "ascii" else name)


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode(name)
    except UnicodeDecodeError:
        raise Unparsable(
            "text that is not in its charset" if name != "utf-8-sig" else "text that is not UTF-8"
        ) from None
    return text
