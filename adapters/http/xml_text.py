"""XML's texts. Entities of a document's own are refused: what they stand for is written elsewhere."""

import re
from xml.parsers import expat

from hoopaddon.errors import Unparsable
from hoopaddon.web.charset import known
from hoopaddon.web.strict_json import MOST_LEVELS

_DECLARED = re.compile(r"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)""")


def texts_of(text: str, charset: str = "") -> tuple[str, ...]:
    """The names, the values of attributes and the texts of a document. Raises `Unparsable`.

    `charset` is the one that it was decoded from.
    """
    declared = _DECLARED.match(text)
    if declared is not None and known(declared[1]) != known(charset) and not text.isascii():
        raise Unparsable("XML that is in another charset than it says")
    reader = _Reader()
    # A str is read as UTF-8, whatever its declaration says.
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.found.append
    try:
        parser.Parse(text, True)
    except expat.ExpatError:
        raise Unparsable("a body that is not the XML that it claims to be") from None
    return tuple(found for found in reader.found if found.strip())


class _Reader:
    def __init__(self) -> None:
        self.found: list[str] = []
        self._level = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._level += 1
        if self._level > MOST_LEVELS:
            raise Unparsable("XML that nests too deep")
        self.found += [name, *attributes.values()]

    def end(self, _name: str) -> None:
        self._level -= 1

    def doctype(self, *_: object) -> None:
        raise Unparsable("XML with a DOCTYPE, behind which entities hide what is written")
