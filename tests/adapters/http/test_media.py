"""What a Content-Type says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.adapters.http.media import may_stream, media_type, read_media_type
from hoopaddon.web.request import Headers


@pytest.mark.parametrize(
    ("field", "name", "parameters"),
    [
        ("", "", {}),
        ("Application/JSON", "application/json", {}),
        ("text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ('text/plain;CHARSET="utf-8" ', "text/plain", {"charset": "utf-8"}),
        ('multipart/form-data; boundary="a b;c\\"d"', "multipart/form-data", {"boundary": 'a b;c"d'}),
        ("multipart/form-data; boundary=----WebKit/+x=y", "multipart/form-data", {"boundary": "----WebKit/+x=y"}),
        ("text/plain;;charset=utf-8;", "text/plain", {"charset": "utf-8"}),
    ],
)
def test_read(field: str, name: str, parameters: dict[str, str]) -> None:
    found = read_media_type(field)
    assert (found.name, dict(found.parameters)) == (name, parameters)


@pytest.mark.parametrize(
    "field",
    [
        "json",
        "application/json, text/plain",
        "application/json charset=utf-8",
        "text/plain; charset=utf-8; charset=utf-16",
        "text/plain; charset=utf-8; CHARSET=utf-16",
        'text/plain; charset="utf-8',
        "text/plain; charset",
        "text/plain; =x",
    ],
)
def test_what_two_parsers_read_differently_is_refused(field: str) -> None:
    with pytest.raises(Unparsable):
        read_media_type(field)


def test_two_content_types_are_refused() -> None:
    with pytest.raises(Unparsable, match="more than one"):
        media_type(Headers((("content-type", "text/plain"), ("Content-Type", "application/json"))))


def test_what_may_stream() -> None:
    assert may_stream(Headers((("content-type", "application/octet-stream"),)))
    assert not may_stream(Headers((("content-type", "application/json"),)))
    assert not may_stream(Headers(()))
    assert not may_stream(Headers((("content-type", "image/png"), ("content-type", "application/json"))))


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("application/json", "json"),
        ("application/vnd.api+json", "json"),
        ("application/vnd.docker.distribution.manifest.v2+json", "json"),
        ("application/x-ndjson", "lines"),
        ("application/x-www-form-urlencoded", "form"),
        ("multipart/mixed", "multipart"),
        ("application/graphql", "graphql"),
        ("application/grpc-web-text+proto", "grpc"),
        ("application/connect+proto", "grpc"),
        ("application/proto", "protobuf"),
        ("image/svg+xml", "xml"),
        ("text/csv", "text"),
        ("", "unknown"),
        ("application/x-something", "unknown"),
        ("application/octet-stream", ""),
        ("image/png", ""),
    ],
)
def test_family(name: str, family: str) -> None:
    assert read_media_type(name).family == family


@settings(deadline=None)
@given(st.text(st.sampled_from('a/;="\\ ,-\t'), max_size=20))
def test_any_field_is_read_or_refused(text: str) -> None:
    try:
        found = read_media_type(text)
    except Unparsable:
        return
    assert found.name in ("", text.strip().partition(";")[0].strip().lower())
