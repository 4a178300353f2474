"""XML's elements and attributes by name."""

import pytest

from hoopaddon import Unparsable
from hoopaddon.adapters.http.xml_text import fields_of
from tests.adapters.http.requests import sent, unparsable


def test_elements_and_attributes() -> None:
    text = """<?xml version="1.0"?><s:a xmlns:s="urn:x" id="1"><amount cur="EUR">9<!-- x -->00</amount>
    <s:amount><![CDATA[5 & 6]]></s:amount><b/></s:a>"""
    assert fields_of(text) == {
        "s": ("urn:x",),
        "id": ("1",),
        "cur": ("EUR",),
        "amount": ("900", "5 & 6"),
        "b": ("",),
        "a": ("",),
    }


@pytest.mark.parametrize(
    "text",
    [
        "<a><b></a>",
        "<a>&b;</a>",
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://x/">%b;]><a/>',
        '<!DOCTYPE a SYSTEM "http://x/a.dtd"><a>&b;</a>',
        "<a/><b/>",
        "<a>" * 200,
        "<a>" * 101 + "</a>" * 101,
        '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>',
        '<?xml version="1.0" encoding="utf-7"?><a>é</a>',
    ],
)
def test_what_hides_something_is_refused(text: str) -> None:
    with pytest.raises(Unparsable):
        fields_of(text)


def test_a_doctype_that_declares_nothing_itself() -> None:
    assert fields_of('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://x/svg.dtd"><svg a="b"/>')["a"] == ("b",)


def test_a_charset_that_only_the_document_names() -> None:
    text = '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'
    command = sent("POST /", text.encode("iso-8859-1"), "text/xml")
    assert command.body == text
    assert command.values("a") == ("é",)
    assert unparsable(sent("POST /", text.encode(), "text/xml"))
