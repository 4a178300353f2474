"""The credentials that the gateway holds for its targets."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from mitmproxy import http

from hoopaddon.credential import CredentialUnavailable
from hoopaddon.credentials.resolving import Credentials
from hoopaddon.options import Options
from hoopaddon.web.credential_settings import credential_of
from hoopaddon.web.credentials import Credential
from hoopaddon.web.oauth import OAuthCredential
from tests.servers.http import Upstream

SECRET = "s3cret/+%value"
CREDENTIALS = Credentials(Options())


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_SECRET", SECRET)


def request_for(path: str = "/a?b=1", **headers: str) -> http.Request:
    made = http.Request.make("GET", "http://api.example" + path)
    for name, value in headers.items():
        made.headers[name.replace("_", "-")] = value
    return made


async def proved(settings: dict[str, str], request: http.Request | None = None) -> http.Request:
    credential = credential_of(settings)
    assert credential is not None
    await credential.ready(CREDENTIALS)
    made = request or request_for()
    credential.put_on(made, b"")
    return made


async def test_bearer() -> None:
    made = await proved({"bearer": "env:THE_SECRET"}, request_for(authorization="Bearer another"))
    assert made.headers.get_all("authorization") == [f"Bearer {SECRET}"]


async def test_basic() -> None:
    made = await proved({"user": "ann", "password": "env:THE_SECRET"})
    scheme, _, encoded = made.headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(encoded).decode()) == ("Basic", f"ann:{SECRET}")


async def test_header() -> None:
    assert (await proved({"header": "X-Api-Key:env:THE_SECRET"})).headers["x-api-key"] == SECRET


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a", "/a?key={}"),
        ("/a?b=1", "/a?b=1&key={}"),
        ("/a?key=mine&b=1&key=2", "/a?b=1&key={}"),
    ],
)
async def test_query(path: str, expected: str) -> None:
    made = await proved({"query": "key:env:THE_SECRET"}, request_for(path))
    assert made.path == expected.format("s3cret%2F%2B%25value")


@pytest.mark.parametrize(
    "settings",
    [
        {"bearer": "env:A", "header": "x:env:B"},
        {"user": "ann"},
        {"password": "env:A"},
        {"header": "x-api-key"},
        {"header": "x-api-key:the-key-itself"},
        {"query": ":env:A"},
        {"oauth": "https://login.example/token"},
        {"oauth": "http://login.example/token", "client_id": "a", "client_secret": "env:A"},
        {"scope": "read"},
        {"aws": "eu-central-1", "aws_key": "AK", "aws_secret": "env:A"},
        {"aws": "eu-central-1/s3", "aws_key": "AK"},
    ],
)
def test_what_does_not_go_together(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+") as raised:
        credential_of(settings)
    assert "the-key-itself" not in str(raised.value)


async def test_a_reference_to_nothing() -> None:
    credential = credential_of({"bearer": "env:NOT_SET_ANYWHERE"})
    assert credential is not None
    with pytest.raises(CredentialUnavailable, match="NOT_SET_ANYWHERE"):
        await credential.ready(CREDENTIALS)


def test_a_credential_shows_itself_to_nobody() -> None:
    for settings in ({"bearer": "env:THE_SECRET"}, {"query": "k:env:THE_SECRET"}):
        credential = credential_of(settings)
        assert SECRET not in repr(credential)
        assert SECRET not in repr(vars(credential))


# -- OAuth


@asynccontextmanager
async def endpoint(answer: Callable[[int], tuple[bytes, object]]) -> AsyncIterator[tuple[Credential, Upstream]]:
    """A token endpoint that answers its first, second … request so."""
    asked = 0

    async def respond(_: Upstream, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        status, document = answer(asked)
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    async with Upstream(respond) as upstream:
        place = f"http://127.0.0.1:{upstream.port}/token"
        yield OAuthCredential(place, "agent", "env:THE_SECRET", scope="read write"), upstream


def good(number: int) -> tuple[bytes, object]:
    return b"200 OK", {"access_token": f"token-{number}", "token_type": "bearer", "expires_in": 3600}


async def test_oauth_asks_once_for_many() -> None:
    async with endpoint(good) as (credential, upstream):
        await asyncio.gather(*(credential.ready(CREDENTIALS) for _ in range(20)))
        made = request_for()
        credential.put_on(made, b"")
    assert made.headers["authorization"] == "Bearer token-1"
    assert credential.secrets == ("token-1",)
    assert bytes(upstream.seen).count(b"POST /token") == 1
    assert b"grant_type=client_credentials&scope=read+write" in upstream.seen
    assert base64.b64encode(f"agent:{SECRET}".encode()) in upstream.seen


async def test_oauth_gets_a_new_one_when_refused() -> None:
    async with endpoint(good) as (credential, _):
        await credential.ready(CREDENTIALS)
        credential.was_refused(CREDENTIALS)
        await credential.ready(CREDENTIALS)
        assert credential.secrets == ("token-2",)


async def test_oauth_keeps_the_one_there_is_while_the_endpoint_is_down() -> None:
    def answer(number: int) -> tuple[bytes, object]:
        return good(number) if number == 1 else (b"503 Down", b"")

    async with endpoint(answer) as (credential, upstream):
        await credential.ready(CREDENTIALS)
        credential.was_refused(CREDENTIALS)
        await credential.ready(CREDENTIALS)
        await credential.ready(CREDENTIALS)
        assert credential.secrets == ("token-1",)
        assert bytes(upstream.seen).count(b"POST /token") == 2


@pytest.mark.parametrize(
    "answer",
    [
        (b"401 No", {"error": "invalid_client"}),
        (b"302 Found\r\nLocation: http://127.0.0.1:1/", b""),
        (b"200 OK", b"not json"),
        (b"200 OK", b"[]"),
        (b"200 OK", {"token_type": "bearer"}),
        (b"200 OK", {"access_token": "a", "token_type": "mac"}),
        (b"200 OK", {"access_token": "a\r\nX: 1"}),
        (b"200 OK", {"access_token": 17}),
        (b"200 OK", {"access_token": "a", "expires_in": -1}),
        (b"200 OK", b" " * 70_000 + b"{}"),
    ],
)
async def test_oauth_takes_no_nonsense(answer: tuple[bytes, object]) -> None:
    async with endpoint(lambda _: answer) as (credential, _):
        with pytest.raises(CredentialUnavailable) as raised:
            await credential.ready(CREDENTIALS)
    assert SECRET not in str(raised.value)


# -- AWS


async def test_aws_signs_what_is_sent() -> None:
    """The parts of a signature; that it is right is what AWS's own library is for."""
    settings = {"aws": "us-east-1/execute-api", "aws_key": "AKIDEXAMPLE", "aws_secret": "env:THE_SECRET"}
    made = await proved(settings, request_for(authorization="Bearer mine", x_amz_date="1"))
    (value,) = made.headers.get_all("authorization")
    assert value.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/us-east-1/execute-api/aws4_request, SignedHeaders=host;x-amz-date, Signature=" in value
    assert len(made.headers["x-amz-date"]) == len("20261123T000000Z")


async def test_aws_for_s3_signs_what_streams() -> None:
    settings = {"aws": "us-east-1/s3", "aws_key": "AK", "aws_secret": "env:THE_SECRET", "aws_token": "env:THE_SECRET"}
    credential = credential_of(settings)
    assert credential is not None
    assert not credential.signs_bodies
    await credential.ready(CREDENTIALS)
    made = request_for("/bucket/key%20a")
    credential.put_on(made, None)
    assert made.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert made.headers["x-amz-security-token"] == SECRET
