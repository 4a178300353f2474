"""Multipart bodies: what all parsers split in the same way."""

import email.parser
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.adapters.http.body import read_part
from hoopaddon.adapters.http.media import read_media_type
from hoopaddon.adapters.http.multipart import Part, parts

FIELD = 'Content-Disposition: form-data; name="{}"'


def read(body: str | bytes, media: str = "multipart/form-data; boundary=x") -> tuple[Part, ...]:
    data = body.encode() if isinstance(body, str) else body
    return parts(data, read_media_type(media), read_part)


def part(*head: str, content: str = "v") -> str:
    return "--x\r\n" + "".join(f"{line}\r\n" for line in head) + f"\r\n{content}\r\n"


def test_fields_and_files() -> None:
    body = (
        part(FIELD.format("a"), content="1")
        + part(FIELD.format("a"), content="2")
        + part(FIELD.format("f") + '; filename="x.json"', "Content-Type: application/json", content='{"b": 1}')
        + part(FIELD.format("g") + '; filename="a%22b.png"', "content-type: image/png", content="\x89PNG")
        + "--x--\r\n"
    )
    found = read(body.encode("latin-1"))
    assert [(p.name, p.filename, p.media_type, p.value) for p in found] == [
        ("a", "", "", "1"),
        ("a", "", "", "2"),
        ("f", "x.json", "application/json", {"b": 1}),
        ("g", 'a"b.png', "image/png", None),
    ]
    assert found[3].content == b"\x89PNG"


def test_a_part_within_a_part() -> None:
    inner = '--y\r\nContent-Disposition: file; filename="a"\r\n\r\n1\r\n--y--\r\n'
    (found,) = read(part(FIELD.format("files"), "Content-Type: multipart/mixed; boundary=y", content=inner) + "--x--")
    assert [p.filename for p in found.value] == ["a"]


def test_an_empty_line_before_the_first_boundary() -> None:
    assert read("\r\n--x\r\n\r\nv\r\n--x--")[0].content == b"v"


def test_a_part_that_is_its_header_alone() -> None:
    (found,) = read(f"--x\r\n{FIELD.format('a')}\r\n\r\n--x--")
    assert (found.name, found.content, found.value) == ("a", b"", "")


def test_a_field_is_text_whatever_bytes_it_has() -> None:
    body = (part(FIELD.format("a"), content="9\x00") + part(FIELD.format("b"), content="\xff") + "--x--").encode(
        "latin-1"
    )
    assert [p.value for p in read(body)] == ["9\x00", "�"]


def test_base64_where_it_is_no_form() -> None:
    encoded = part("Content-Type: application/json", "Content-Transfer-Encoding: base64", content="eyJhIjog\r\nMX0=")
    (found,) = read(encoded + "--x--", "multipart/related; boundary=x")
    assert found.value == {"a": 1}
    with pytest.raises(Unparsable, match="claims to be"):
        read(encoded.replace("=", "*") + "--x--", "multipart/related; boundary=x")


def test_a_part_without_a_header() -> None:
    assert read("--x\r\n\r\nv\r\n--x--")[0].content == b"v"


def test_an_extended_file_name() -> None:
    (found,) = read(part(FIELD.format("f") + "; filename=\"na_ve.txt\"; filename*=UTF-8''na%C3%AFve.txt") + "--x--")
    assert found.filename == "naïve.txt"


END = "--x--\r\n"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "differently"),
        ("v", "differently"),
        (part(FIELD.format("a")), "does not end"),
        ("preamble\r\n" + part(FIELD.format("a")) + END, "differently"),
        (part(FIELD.format("a")) + END + "epilogue", "does not end"),
        (part(FIELD.format("a")) + END + part(FIELD.format("b")) + END, "differently|does not end"),
        (part(FIELD.format("a")).replace("\r\n", "\n") + "--x--\n", "differently"),
        (part(FIELD.format("a"), content="1\n--x\n" + FIELD.format("b") + "\n\n2") + END, "differently"),
        (part(FIELD.format("a"), content="1 --x 2") + END, "differently"),
        (part(FIELD.format("a")) + "--xy\r\n\r\n2\r\n" + END, "differently"),
        (part(FIELD.format("a")) + "--x \r\n\r\n2\r\n" + END, "differently"),
        (part(FIELD.format("a"), " folded: x") + END, "header that cannot be read"),
        (part(FIELD.format("a") + ";\r\n\tfilename=x") + END, "header that cannot be read"),
        (part("Content-Disposition : form-data; name=a") + END, "header that cannot be read"),
        (part(FIELD.format("a"), FIELD.format("b")) + END, "header twice"),
        (part(FIELD.format("a") + '; name="b"') + END, "parameter twice"),
        (part(FIELD.format("a") + "; name*=utf-8''b") + END, "put together differently"),
        (part("Content-Disposition: form-data; name*0=a; name*1=b") + END, "put together differently"),
        (part("Content-Disposition: form-data; name=a b") + END, "disposition that cannot be read"),
        (part('Content-Disposition: form-data; name="a') + END, "disposition that cannot be read"),
        (part(FIELD.format("a"), "Content-Transfer-Encoding: base64") + END, "transfer encoding"),
        (part(FIELD.format("a"), "Content-Transfer-Encoding: quoted-printable") + END, "transfer encoding"),
        (part(FIELD.format("a"), "Content-Encoding: gzip") + END, "content coding"),
        (part(FIELD.format("_charset_"), content="utf-7") + END, "charset in a field"),
        (part(FIELD.format("f") + "; filename=a.txt; filename*=UTF-8''b.php") + END, "two file names"),
        (part(FIELD.format("f") + "; filename=a.txt; filename*=UTF-8''..%2Fa.txt") + END, "two file names"),
        (part(FIELD.format("f") + "; filename*=utf-7''a") + END, "file name that cannot be read"),
        (part(FIELD.format("f") + "; filename*=UTF-8''%ff") + END, "file name that cannot be read"),
        (part(FIELD.format("a"), "Content-Type: application/json", content='{"a":1,"a":2}') + END, "same name twice"),
        (part(FIELD.format("a"), content='{"a":1,"a":2}') + END, "same name twice"),
        ("--x\r\nno end", "differently|does not end"),
    ],
)
def test_what_two_parsers_split_differently_is_refused(body: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        read(body)


@pytest.mark.parametrize(
    "media",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary*=utf-8''x",
        'multipart/form-data; boundary="x "',
        'multipart/form-data; boundary="' + "x" * 71 + '"',
        "multipart/form-data; boundary=y",
    ],
)
def test_boundaries_that_parsers_read_differently(media: str) -> None:
    with pytest.raises(Unparsable):
        read(part(FIELD.format("a")) + END, media)


def test_limits() -> None:
    with pytest.raises(Unparsable, match="more than 1000 parts"):
        read(part(FIELD.format("a")) * 1001 + END)
    nested = "v"
    for level in range(5):
        nested = f"--b{level}\r\nContent-Type: multipart/mixed; boundary=b{level - 1}\r\n\r\n{nested}\r\n--b{level}--"
    with pytest.raises(Unparsable, match="nests too deep"):
        read(nested, "multipart/mixed; boundary=b4")


TEXT = st.text(st.sampled_from('--x\r\n\r\nContent-Disposition: form-data; name="a"'), max_size=30)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["--x", "\r\n", "\n", "--", "x", FIELD.format("a"), ": ", "v", "--x--", " "]), max_size=14
    )
)
def test_any_body_is_read_as_another_parser_reads_it_or_refused(pieces: list[str]) -> None:
    body = "".join(pieces)
    try:
        found = read(body)
    except Unparsable:
        return
    head = b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body.encode())
    theirs = [p.get_payload(decode=True) for p in message.get_payload() if not isinstance(p, str)]
    assert [p.content for p in found] == theirs
