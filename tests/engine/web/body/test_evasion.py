"""Ways to get a value past mask_pii in a body, none of which may work, and what must come through unharmed."""

import gzip
import html
import json
import re
import zlib
from collections.abc import Iterator
from urllib.parse import unquote_plus

import brotli
import pytest

from hoopaddon.addons.mask_pii import MaskPII
from hoopaddon.testing import Bench
from tests.engine.web.body.bodies import Client, halves
from tests.engine.web.body.test_protobuf import field, frame

MAIL, CARD, WORD = "ann.osei@example.com", "4111111111111111", "swordfish-77"
SECRETS = (MAIL, CARD, WORD)
OPTIONS = {"mask_columns": ["password,customer.email,users.*,$.token,*.api.key"]}

_UNICODE = re.compile(r"\\+u([0-9a-fA-F]{4})")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench(MaskPII(), options=OPTIONS) as made:
        yield made


def readable(data: bytes) -> str:
    """All that somebody with patience reads in these bytes."""
    texts = [
        data.decode("utf-8", "replace"),
        data.decode("utf-16-le", "replace"),
        data.decode("utf-16-be", "replace"),
    ]
    text = "\n".join(texts)
    plain = _UNICODE.sub(lambda escape: chr(int(escape[1], 16)), text).replace("\\/", "/")
    return "\n".join([text, plain, html.unescape(text), unquote_plus(text)])


def escaped(text: str) -> str:
    """Every character as an escape of JSON."""
    return "".join(f"\\u{ord(c):04x}" for c in text)


def nested(value: object, times: int) -> str:
    """JSON in a string of JSON, and so on."""
    for _ in range(times):
        value = json.dumps(value)
    return str(value)


def part(media: str, body: str) -> str:
    """A body of one part."""
    return f"--b\r\nContent-Type: {media}\r\n\r\n{body}\r\n--b--"


PARTS = "multipart/mixed; boundary=b"
JSON, TEXT, HTML = "application/json", "text/plain", "text/html"

# How, the Content-Type, the body.
BODIES: list[tuple[str, str, str | bytes]] = [
    ("plain", JSON, f'{{"a":"{MAIL}"}}'),
    ("a key", JSON, f'{{"{MAIL}":1}}'),
    ("in a list", JSON, f'[["x",["{MAIL}"]]]'),
    ("the whole document", JSON, f'"{MAIL}"'),
    ("a number", JSON, f'{{"a":{CARD}}}'),
    ("a number in a list", JSON, f"[1,{CARD},2]"),
    ("a number with a fraction", JSON, f'{{"a":{CARD}.0}}'),
    ("a number as an exponent's base", JSON, f'{{"a":{CARD}e0}}'),
    ("a number in another form", JSON, '{"a":4.111111111111111E+15}'),
    ("a negative number", JSON, f'{{"a":-{CARD}}}'),
    ("escapes", JSON, f'{{"a":"{escaped(MAIL)}"}}'),
    ("one escape", JSON, '{"a":"ann.osei\\u0040example.com"}'),
    ("an escape in capitals", JSON, '{"a":"ann\\u002Eosei@example.com"}'),
    ("escapes in a key", JSON, f'{{"{escaped(MAIL)}":1}}'),
    ("escapes among others", JSON, f'{{"a":"\\n\\t\\"{escaped(MAIL)}\\""}}'),
    ("behind a line's end", JSON, f'{{"a":"line\\n{MAIL}"}}'),
    ("behind an escaped backslash", JSON, f'{{"a":"\\\\{MAIL}\\\\"}}'),
    ("escaped slashes", JSON, '{"a":"https:\\/\\/bob:swordfish-77@db.example.com\\/"}'),
    ("JSON in a string", JSON, json.dumps({"a": json.dumps({"b": MAIL})})),
    ("JSON in a string in a string", JSON, json.dumps({"a": nested({"b": MAIL}, 3)})),
    ("escapes in JSON in a string", JSON, json.dumps({"a": '{"b":"' + escaped(MAIL) + '"}'})),
    ("a field in JSON in a string", JSON, json.dumps({"a": json.dumps({"password": WORD})})),
    ("a field", JSON, f'{{"password":"{WORD}"}}'),
    ("a field in capitals", JSON, f'{{"PassWord":"{WORD}"}}'),
    ("a field written with escapes", JSON, f'{{"pass\\u0077ord":"{WORD}"}}'),
    ("a field all in escapes", JSON, f'{{"{escaped("password")}":"{WORD}"}}'),
    ("a field twice", JSON, f'{{"password":"x","password":"{WORD}"}}'),
    ("a field twice, one written with escapes", JSON, f'{{"password":"x","p\\u0061ssword":"{WORD}"}}'),
    ("a field with blanks before its colon", JSON, f'{{"password" \n\t : "{WORD}"}}'),
    ("a field that is a list", JSON, f'{{"password":["a","{WORD}"]}}'),
    ("a field that is an object", JSON, f'{{"password":{{"x":{{"y":["{WORD}"]}}}}}}'),
    ("a field behind another's end", JSON, f'{{"a":{{"b":1}},"c":[{{"d":[]}}],"password":"{WORD}"}}'),
    ("a path", JSON, f'{{"customer":{{"x":{{}},"email":"{WORD}"}}}}'),
    ("a path through a list", JSON, f'{{"customer":[1,{{"x":"}}","email":"{WORD}"}}]}}'),
    ("a path with all below it", JSON, f'{{"users":[{{"x":[{{"deep":"{WORD}"}}]}}]}}'),
    ("a path from the root", JSON, f'{{"a":"b","token":"{WORD}"}}'),
    ("a path with anything before it", JSON, f'{{"x":{{"api":{{"key":"{WORD}"}}}}}}'),
    ("quotes and brackets in strings", JSON, f'{{"a":"\\"}}]{{[","password":"{WORD}"}}'),
    ("a second document", JSON, f'{{"a":1}}{{"password":"{WORD}"}}\n{{"b":"{MAIL}"}}'),
    ("after white space", JSON, " " * 70_000 + f'{{"password":"{WORD}"}}'),
    ("in a long string", JSON, json.dumps({"a": "word " * 30_000 + MAIL + " word" * 30_000})),
    ("a field that is a long string", JSON, json.dumps({"password": (WORD + " ") * 30_000})),
    ("a byte order mark", JSON, f'\ufeff{{"password":"{WORD}"}}'),
    ("no JSON", JSON, f"{{password: '{WORD}'}}"),
    ("single quotes", JSON, f"{{'password': '{WORD}'}}"),
    ("a guard before it", JSON, f')]}}\',\n{{"password":"{WORD}","a":"{MAIL}"}}'),
    ("UTF-16", JSON, f'{{"password":"{WORD}","a":"{MAIL}"}}'.encode("utf-16-le")),
    ("UTF-16 that claims to be UTF-8", "application/json; charset=utf-8", f'{{"a":"{MAIL}"}}'.encode("utf-16-be")),
    ("UTF-7", "text/plain; charset=utf-7", MAIL.replace("@", "+AEA-")),
    ("as text", TEXT, f'{{"password":"{WORD}"}}'),
    ("as HTML", HTML, f'{{"a":"{escaped(MAIL)}"}}'),
    ("as an image", "image/png", f'{{"password":"{WORD}","a":"{MAIL}"}}'),
    ("as a file", "application/octet-stream", f"dear {MAIL}, how are you?"),
    ("as nothing", "", f'[{{"password":"{WORD}"}}]'),
    ("as a table", "text/csv", f'{{"password":"{WORD}"}}'),
    ("as a message", "application/x-protobuf", f'{{"password":"{WORD}"}}'),
    ("compressed though nothing says so", JSON, gzip.compress(f'{{"a":"{MAIL}"}}'.encode(), mtime=0)),
    ("lines", "application/x-ndjson", f'{{"a":1}}\n{{"password":"{WORD}"}}\n"{MAIL}"\n'),
    ("a line that is none before it", "application/x-ndjson", f'{{"a":"\n{{"password":"{WORD}"}}\n'),
    ("an event", "text/event-stream", f'data: {{"password":"{WORD}"}}\n\n'),
    ("an event in lines", "text/event-stream", f'data: {{"password":\ndata: "{WORD}"}}\n\n'),
    ("an event's id", "text/event-stream", f"id: {MAIL}\ndata: x\n\n"),
    ("an event's comment", "text/event-stream", f": {MAIL}\n\n"),
    ("an event with escapes", "text/event-stream", f'data:{{"a":"{escaped(MAIL)}"}}\r\n\r\n'),
    ("a table's cell", "text/csv", f'id,note\n1,"a ""b"" {MAIL}"\n'),
    ("a table's column", "text/csv", f"id,Password\n1,{WORD}\n2,{WORD}\n"),
    ("a table's quoted column", "text/csv", f'"id";"password"\n1;"{WORD}\n{WORD}"\n'),
    ("a table with tabs", "text/tab-separated-values", f"id\tpassword\r\n1\t{WORD}\r\n"),
    ("a form", "application/x-www-form-urlencoded", "a=ann.osei%40example.com"),
    ("a form with percents", "application/x-www-form-urlencoded", "a=%61nn%2Eosei%40example%2Ecom&b=1"),
    ("a form's field", "application/x-www-form-urlencoded", f"a=1&p%61ssword={WORD}"),
    ("a form's path", "application/x-www-form-urlencoded", f"customer%5Bemail%5D={WORD}&users[0][x]={WORD}"),
    ("references", HTML, "<a>ann.osei&#64;example.com</a>"),
    ("named references", HTML, "<a>ann&period;osei&commat;example.com</a>"),
    ("hexadecimal references", "application/xml", "<a>ann.osei&#x40;example&#x2e;com</a>"),
    ("escapes of JavaScript", "text/javascript", r'a="ann.osei\x40example.com", b="ann.osei\u0040example\u{2e}com"'),
    ("a part", PARTS, f"--b\r\n\r\n{MAIL}\r\n--b--\r\n"),
    ("a part's name", PARTS, f'--b\r\nContent-Disposition: x; filename="{MAIL}"\r\n\r\n\r\n--b--'),
    ("a part of another type", PARTS, part("image/png", f'{{"password":"{WORD}"}}')),
    ("around the parts", PARTS, f"{MAIL}\r\n--b\r\n\r\n\r\n--b--\r\n{MAIL}"),
    ("parts in parts", PARTS, part("multipart/x; boundary=c", f"--c\r\n\r\n{MAIL}\r\n--c--")),
    ("a message's string", "application/x-protobuf", field(1, field(2, MAIL) + field(3, "long enough"))),
    ("a message's number", "application/x-protobuf", field(1, int(CARD))),
    ("a string with a control character", "application/x-protobuf", field(1, f"\x1f{MAIL}")),
    ("gRPC", "application/grpc", frame(field(1, "x")) + frame(field(1, MAIL))),
]  # fmt: skip


@pytest.mark.parametrize(("media", "body"), [pytest.param(m, b, id=how) for how, m, b in BODIES])
async def test_no_value_gets_past(bench: Bench, media: str, body: str | bytes) -> None:
    data = body if isinstance(body, bytes) else body.encode()
    unpacked = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    hidden = readable(unpacked)
    if media not in ("application/x-protobuf", "text/plain; charset=utf-7", "text/javascript"):
        assert any(secret in hidden for secret in (*SECRETS, "4.1111")), "there is nothing to hide"
    variants = (
        [[data], *halves(data)]
        if len(data) < 150
        else [[data], [data[n : n + 997] for n in range(0, len(data), 997)]]
    )
    for chunks in variants:
        client = Client(bench.chain, media=media)
        got = await client.all_of(chunks)
        shown = readable(gzip.decompress(got) if got.startswith(b"\x1f\x8b") else got)
        assert [secret for secret in SECRETS if secret in shown] == [], chunks
        assert b"4.1111" not in got
        assert got != data


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate"])
async def test_no_value_gets_past_in_a_coding(bench: Bench, coding: str) -> None:
    pack = {"gzip": gzip.compress, "br": brotli.compress, "deflate": zlib.compress}[coding]
    unpack = {"gzip": gzip.decompress, "br": brotli.decompress, "deflate": zlib.decompress}[coding]
    client = Client(bench.chain, media=JSON, content_encoding=coding)
    got = await client.all_of([pack(f'{{"password":"{WORD}","a":"{MAIL}"}}'.encode())])
    assert json.loads(unpack(got)) == {"password": "[masked]", "a": "[email]"}


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (JSON, '{"a": 1.50, "b": [true, null, "é\\u00e9"], "customer": {"name": "x"}, "email": "none", "tokens": 5}'),
        (JSON, '{"passwords": 1, "my_password": "x", "user": {"x": 1}, "a": {"token": "kept"}}'),
        (JSON, '{"note": "a \\"quoted\\" word\\n", "url": "https:\\/\\/example.com\\/a"}'),
        (JSON, ""),
        (JSON, "  \n"),
        ("text/csv", 'id,note\r\n1,"a ""b"", c"\r\n\r\n2,\r\n'),
        ("text/html", "<p>5 &lt; 6 &amp;&#160;x</p>\n"),
        ("text/event-stream", ': ping\n\nevent: a\ndata: {"n": 1}\n\n'),
        ("application/x-www-form-urlencoded", "a=1&b=%20x+y&c"),
        ("text/plain", "no newline at the end"),
    ],
)  # fmt: skip
async def test_what_is_innocent_comes_through_byte_for_byte(bench: Bench, media: str, body: str) -> None:
    for chunks in ([body.encode()], *halves(body.encode())):
        client = Client(bench.chain, media=media)
        assert await client.all_of(chunks) == body.encode()
        assert client.errors == []


async def test_masked_json_is_json_with_the_same_shape(bench: Bench) -> None:
    document = {
        "password": {"a": [1, "x", None, True, {"b": 2.5}], "c": {}},
        "n": [int(CARD), 5],
        "customer": {"email": None, "id": 7},
    }
    client = Client(bench.chain, media=JSON)
    assert json.loads(await client.all_of([json.dumps(document).encode()])) == {
        "password": {"a": [None, "[masked]", None, None, {"b": None}], "c": {}},
        "n": [None, 5],
        "customer": {"email": None, "id": 7},
    }


async def test_a_body_that_is_no_text_passes_unless_it_is_to_be_refused() -> None:
    for option, expected in (("pass", b"\0\1\2" * 50), ("refuse", b"")):
        with Bench(MaskPII(), options={"mask_binary": option}) as bench:
            client = Client(bench.chain, media="image/png")
            assert await client.all_of([b"\0\1\2" * 50]) == expected
            assert [str(e) for e in client.errors] == ([] if expected else ["image/png cannot be looked into"])
