"""Whatever a real server reads out of a request, a policy is shown too, or the request is refused."""

import io
import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from hoopaddon import Unparsable
from hoopaddon.adapters.http.command import HttpRequest
from hoopaddon.testing import session
from tests.adapters.http.requests import FORM, JSON, request

_MEDIA = st.sampled_from(
    [
        *(FORM, JSON, "", "text/plain", "application/octet-stream", "multipart/form-data; boundary=x"),
        *('multipart/form-data; boundary="x"', "multipart/form-data;boundary=x;charset=utf-8", "application/x+json"),
        *(f"{FORM}; charset=utf-8", f"{FORM};charset=iso-8859-1", "MULTIPART/Form-Data; Boundary=x"),
    ]
)
_PIECES = st.sampled_from(
    [
        *("amount", "=", "900", "&", ";", "%61", "+", "%", "[", "]", '"', "{", "}", ":", ",", " ", "\n", "\\u0061"),
        *("--x", "--x--", "\r\n", "--", "\r\n\r\n", 'Content-Disposition: form-data; name="amount"', "name=amount"),
        *(
            "Content-Disposition: form-data;",
            "; name=b",
            "; filename=f",
            "Content-Type: text/plain",
            '{"amount": 900}',
        ),
    ]
)
_FORMS = st.lists(st.tuples(st.sampled_from(["amount", "a[b]", "é", "b"]), st.text(max_size=4)), max_size=4)


def read_by_werkzeug(media: str, query: str, body: bytes) -> set[str]:
    """Every value that a handler could get for `amount`."""
    builder = EnvironBuilder(method="POST", query_string=query, input_stream=io.BytesIO(body))
    environ = builder.get_environ() | {"CONTENT_TYPE": media, "CONTENT_LENGTH": str(len(body))}
    found: set[str] = set()
    asked = Request(environ)
    try:
        data: Any = asked.get_json(force=True, silent=True, cache=True)
        found |= {str(data["amount"])} if isinstance(data, dict) and "amount" in data else set()
    except (HTTPException, RecursionError):
        pass
    asked = Request(environ | {"wsgi.input": io.BytesIO(body)})
    try:
        found |= set(asked.args.getlist("amount")) | set(asked.form.getlist("amount"))
        found |= {file.read().decode("utf-8", "replace") for file in asked.files.getlist("amount")}
    except HTTPException:
        pass
    return found


def shown(media: str, query: str, body: bytes) -> set[str] | None:
    came = request(f"POST /?{query}" if query else "POST /", body, media)
    command = HttpRequest.of(session(protocol="http"), came)
    try:
        return {str(value) for value in command.values("amount")}
    except Unparsable:
        return None


@settings(max_examples=400, deadline=None)
@given(_MEDIA, st.lists(_PIECES, max_size=3), st.lists(_PIECES, max_size=12))
@example(
    "multipart/form-data; boundary=x",
    [],
    ['--x\r\nContent-Disposition: form-data; name="amount"\r\n\r\n900\r\n--x--'],
)
@example("text/plain", [], ['{"amount": 900}'])
def test_what_a_handler_gets_a_policy_gets(media: str, query: list[str], body: list[str]) -> None:
    asked = "".join(piece for piece in query if piece.isprintable() and piece not in ("#", " "))
    data = "".join(body).encode()
    seen = shown(media, asked.replace(" ", "+"), data)
    if seen is not None:
        assert read_by_werkzeug(media, asked.replace(" ", "+"), data) <= seen


@settings(max_examples=200, deadline=None)
@given(_FORMS, st.sampled_from(["form", "multipart", "json"]))
def test_what_a_client_means_is_not_refused(fields: list[tuple[str, str]], kind: str) -> None:
    names = [name for name, _ in fields]
    if kind == "json":
        media, body = JSON, json.dumps(dict(fields)).encode()
    else:
        builder = EnvironBuilder(method="POST", data=dict(fields))
        builder.mimetype = FORM if kind == "form" else "multipart/form-data"
        environ = builder.get_environ()
        media, body = environ["CONTENT_TYPE"], environ["wsgi.input"].read()
    seen = shown(media, "", body)
    assert seen is not None
    assert ("amount" in names) <= (dict(fields).get("amount", "") in seen)
