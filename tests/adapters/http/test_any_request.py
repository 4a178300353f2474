"""No request, however it is written, brings about anything but facts or a refusal."""

import gzip
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from hoopaddon import Unparsable
from hoopaddon.hazards import HTTP_RULES, http_reason
from tests.adapters.http.evasions import AMOUNTS, DELETES, MUTATIONS, Evasion
from tests.adapters.http.requests import sent

_ALL = [*AMOUNTS, *DELETES, *MUTATIONS]
_MEDIA = sorted(
    {evasion.media for evasion in _ALL} | {"application/grpc-web-text", "application/proto", "x", "a/b;c"}
)
_CODINGS = st.sampled_from(["", "gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
_TARGET = st.text(st.sampled_from('/.%25ef;\\?&=a[]{}"_methodGrapqhl'), max_size=20)


def look(line: str, body: bytes, media: str, fields: dict[str, str]) -> None:
    command = sent(line, body, media, fields)
    # A question mark with nothing behind it says nothing.
    assert command.text.startswith(line.removesuffix("?"))
    with suppress(Unparsable):
        assert command.method.lower() in command.verbs
        assert command.path in command.paths
        assert command.route
        assert all(isinstance(text, str) for text in command.strings)
        assert isinstance(command.values("amount"), tuple)
        assert isinstance(command.within, tuple)
        assert isinstance(http_reason(command, HTTP_RULES), str)


@settings(max_examples=300, deadline=None)
@given(_TARGET, st.binary(max_size=40), st.sampled_from(_MEDIA), _CODINGS)
def test_bytes(target: str, body: bytes, media: str, coding: str) -> None:
    look(f"POST /{target}", body, media, {"Content-Encoding": coding} if coding else {})


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_ALL), st.sampled_from(_MEDIA), st.integers(0, 80), st.binary(max_size=3), st.booleans())
def test_mutations(chosen: Evasion, media: str, at: int, change: bytes, packed: bool) -> None:
    body = chosen.body[:at] + change + chosen.body[at + len(change) :]
    fields = chosen.fields
    if packed:
        body, fields = gzip.compress(body), {"Content-Encoding": "gzip"}
    look(chosen.line, body, media if at % 2 else chosen.media, fields)
