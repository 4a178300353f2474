"""XML's elements and attributes by name. Entities are refused: what they stand for is elsewhere."""

import re
from xml.parsers import expat

from hoopaddon.errors import Unparsable
from hoopaddon.web.charset import known
from hoopaddon.web.strict_json import MOST_LEVELS

_DECLARED = re.compile(r"""\s*<\?xml\s[^>]*?encoding\s*=\s*["']([^"'>]*)""")


def fields_of(text: str, charset: str = "") -> dict[str, tuple[str, ...]]:
    """What elements of each name hold as text, and attributes as values; prefixes of namespaces are left out.

    `charset` is the one that the text was decoded from. Raises `Unparsable`.
    """
    declared = _DECLARED.match(text)
    if declared is not None and known(declared[1]) != known(charset) and not text.isascii():
        raise Unparsable("XML that is in another charset than it says")
    reader = _Reader()
    # A str is read as UTF-8, whatever its declaration says.
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.SkippedEntityHandler = reader.skipped
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        parser.Parse(text, True)
    except expat.ExpatError:
        raise Unparsable("a body that is not the XML that it claims to be") from None
    return {name: tuple(values) for name, values in reader.found.items()}


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self._open: list[list[str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= MOST_LEVELS:
            raise Unparsable("XML that nests too deep")
        self._open.append([])
        for attribute, value in attributes.items():
            self._add(attribute, value)

    def end(self, name: str) -> None:
        # A comment may stand in the middle of a text.
        self._add(name, "".join(self._open.pop()).strip())

    def characters(self, text: str) -> None:
        self._open[-1].append(text)

    def _add(self, name: str, value: str) -> None:
        self.found.setdefault(name.rpartition(":")[2], []).append(value)

    def doctype(self, _name: str, _system: str | None, _public: str | None, has_internal_subset: bool) -> None:
        if has_internal_subset:
            raise Unparsable("XML with declarations of its own, such as entities, behind which text hides")

    def skipped(self, _name: str, _is_parameter: bool) -> None:
        raise Unparsable("XML with an entity that is declared elsewhere")
