"""What is taken out of requests and answers, and what is not let through at all."""

from types import MappingProxyType

import pytest
from mitmproxy import http
from mitmproxy.test.tutils import treq, tresp

from hoopaddon.errors import PeerError
from hoopaddon.web import hygiene
from hoopaddon.web.mode import WebTarget

type Fields = list[tuple[bytes, bytes]]


def target(path: str = "/api") -> WebTarget:
    nothing: MappingProxyType[str, str] = MappingProxyType({})
    return WebTarget("https", "api.internal", 443, path, nothing, nothing, frozenset())


def request(*fields: tuple[bytes, bytes], method: bytes = b"GET") -> http.Request:
    return treq(method=method, authority=b"", headers=http.Headers([(b"host", b"gateway"), *fields]))


def answer(*fields: tuple[bytes, bytes], version: bytes = b"HTTP/1.1") -> http.Response:
    return tresp(headers=http.Headers(fields), http_version=version)


def cleaned(*fields: tuple[bytes, bytes], path: str = "/api", origin: str = "https://gw:1/one") -> Fields:
    response = answer(*fields)
    hygiene.clean_response(response, target(path), origin)
    return list(response.headers.fields)


# -- what is refused


@pytest.mark.parametrize("method", [b"GET", b"M-SEARCH", b"VERSION-CONTROL", b"CONNECT"])
def test_a_method_of_capitals_passes(method: bytes) -> None:
    hygiene.check(request(method=method))


@pytest.mark.parametrize(
    "method", [b"get", b"dElEtE", b"DELETE\t/x", b"G(T", b"G\xff", b"", b"-GET", b"GET-", b"GET\n", b"A--B", b"P0ST"]
)
def test_a_method_that_is_shown_otherwise_than_sent_is_refused(method: bytes) -> None:
    with pytest.raises(hygiene.BadRequest):
        hygiene.check(request(method=method))


FRAMED = [[], [b"chunked"], [b"Chunked"], [b" chunked\t"]]
MISFRAMED = [
    [b"gzip, chunked"],
    [b"gzip"],
    [b"chunked, chunked"],
    [b"chunked", b"chunked"],
    [b"gzip", b"chunked"],
    [b"identity"],
    [b"chunked;x=1"],
    [b"\x0bchunked"],
    [b"x-chunked"],
    [b""],
    [b"chunked,"],
]


@pytest.mark.parametrize("values", FRAMED)
def test_chunks_are_a_framing(values: list[bytes]) -> None:
    fields = [(b"Transfer-Encoding", value) for value in values]
    hygiene.check(request(*fields))
    hygiene.check_response(answer(*fields))


@pytest.mark.parametrize("name", [b"Transfer-Encoding", b"tRANSFER-eNCODING", b"Transfer_Encoding"])
@pytest.mark.parametrize("values", MISFRAMED)
def test_any_other_transfer_encoding_is_refused(name: bytes, values: list[bytes]) -> None:
    fields = [(name, value) for value in values]
    with pytest.raises(hygiene.BadRequest):
        hygiene.check(request(*fields))
    with pytest.raises(PeerError):
        hygiene.check_response(answer(*fields))


def test_chunks_are_none_of_older_versions() -> None:
    with pytest.raises(PeerError):
        hygiene.check_response(answer((b"transfer-encoding", b"chunked"), version=b"HTTP/1.0"))


# -- what is taken out of a request

SPEAKS = """
X-Auth-Request-User X-Auth-Request-Email X-Auth-Request-Groups X-Auth-Username Remote-User Remote-Groups Remote-Email
Remote-Name X-Authentik-Username X-Authentik-Groups X-Consumer-Username X-Consumer-Custom-Id X-Credential-Identifier
X-WebAuth-User X-WebAuth-Name X-WebAuth-Role X-Vouch-User X-Pomerium-Jwt-Assertion X-Pomerium-Claim-Email
Cf-Access-Authenticated-User-Email Cf-Access-Jwt-Assertion Cf-Connecting-Ip Tailscale-User-Login X-Username X-User
X-User-Id X-User-Email X-User-Name X-Forwarded X-Forwarded-For X-Forwarded-User X-Forwarded-Groups Forwarded Via
X-Forwarded-Access-Token Client-IP X-Originating-IP X-Remote-IP X-Remote-Addr X-Remote-User X-Remote-Group
X-Remote-Extra-Scopes X-Remote-Name X-Envoy-Original-Path X-Envoy-External-Address X-Envoy-Internal X-Original-URI
X-Original-URL X-Rewrite-Url X-Original-Method Fastly-Client-IP True-Client-Ip X-Azure-ClientIP X-Host
X-Http-Host-Override X-Client-Cert X-Client-Verify Client-Cert X-Tls-Client-Cert X-Arr-ClientCert Auth-User
X-Proxy-User X-Grafana-User X-Token-Subject X-Auth-Subject X-Goog-Authenticated-User-Email X-Goog-Iap-Jwt-Assertion
X-Amzn-Oidc-Identity X-Amzn-Oidc-Data X-Ms-Client-Principal X-Ms-Client-Principal-Name X-Ms-Token-Aad-Access-Token
Ssl-Client-Verify X-Ssl-Client-Dn X-Real-IP Front-End-Https X-Url-Scheme Proxy X-Teleport-User X-Cluster-Client-Ip
"""
SPEAKS_NOT = """
Accept Authorization Content-Type Cookie If-Match Impersonate-User Mcp-Session-Id Origin Range Sec-WebSocket-Key
Traceparent User-Agent X-Amz-Date X-Amz-Security-Token X-Api-Key X-Auth-Token X-Client-Version X-Csrf-Token
X-GitHub-Api-Version X-Goog-Api-Key X-Ms-Date X-Ms-Version X-Request-Id X-Requested-With X-Stream-Protocol-Version
X-User-Agent X-Vault-Token
"""


@pytest.mark.parametrize("spell", [str, str.lower, str.upper, lambda name: name.replace("-", "_")])
@pytest.mark.parametrize("name", SPEAKS.split())
def test_a_client_cannot_say_who_it_is(name: str, spell: type[str]) -> None:
    got = request((spell(name).encode(), b"root"))
    hygiene.clean_request(got)
    assert [field.lower() for field, _ in got.headers.fields] == [b"host"]


def test_every_sign_may_be_a_dash() -> None:
    got = request((b"X.Forwarded.For", b"1.2.3.4"), (b"X_Real-IP", b"1.2.3.4"), (b"Remote~User", b"root"))
    hygiene.clean_request(got)
    assert list(got.headers) == ["host"]


@pytest.mark.parametrize("name", SPEAKS_NOT.split())
def test_what_says_something_else_stays(name: str) -> None:
    got = request((name.encode(), b"x"))
    hygiene.clean_request(got)
    assert got.headers.fields[-1] == (name.encode(), b"x")


def test_every_spelling_of_a_name_is_dropped() -> None:
    got = request((b"X_Api_Key", b"1"), (b"x-api-key", b"2"), (b"X.API-KEY", b"3"), (b"X-Api-Keys", b"4"))
    hygiene.drop_named(got, "X-Api-Key")
    assert got.headers.fields == ((b"host", b"gateway"), (b"X-Api-Keys", b"4"))


# -- what leads past the gateway


@pytest.mark.parametrize(
    ("location", "led"),
    [
        (b"https://api.internal/api/x?y#z", b"https://gw:1/one/x?y#z"),
        (b"HTTPS://API.internal:443/api", b"https://gw:1/one"),
        (b"https://api.internal/api?x", b"https://gw:1/one?x"),
        (b"https://api.internal/api.evil.example/x", b"https://gw:1/one/api.evil.example/x"),
        (b"https://api.internal/api@evil.example/x", b"https://gw:1/one/api@evil.example/x"),
        (b"https://api.internal/api:1@evil.example", b"https://gw:1/one/api:1@evil.example"),
        (b"https://api.internal/api\\evil.example", b"https://gw:1/one/api\\evil.example"),
        (b"https://api.internal.evil.example/", b"https://api.internal.evil.example/"),
        (b"https://api.internal@evil.example/", b"https://api.internal@evil.example/"),
        (b"/elsewhere", b"/elsewhere"),
    ],
)
def test_redirects_lead_back_to_the_gateway(location: bytes, led: bytes) -> None:
    for name in (b"Location", b"Content-Location"):
        assert cleaned((name, location)) == [(name, led)]


def test_a_redirect_never_changes_the_gateways_own_name() -> None:
    origin = "https://gw"
    for after in ("/api.evil.example", "/api:80", "/api@evil", "/apix"):
        fields = cleaned((b"Location", f"https://api.internal{after}".encode()), origin=origin)
        assert fields[0][1].startswith(b"https://gw/")


# -- cookies


@pytest.mark.parametrize(
    "cookie",
    [
        b"hoopaddon_token=x",
        b"Hoopaddon_Token=x; Path=/",
        b"  hoopaddon_token =x",
        b"=hoopaddon_token=x",
        b"= hoopaddon_token=x",
        b"\thoopaddon_token",
        b"hoopaddon_token;Path=/",
    ],
)
def test_a_target_sets_no_cookie_of_the_gateways(cookie: bytes) -> None:
    assert cleaned((b"Set-Cookie", cookie), (b"Set-Cookie", b"a=hoopaddon_token")) == [
        (b"Set-Cookie", b"a=hoopaddon_token")
    ]
    assert cleaned((b"Set-Cookie", cookie)) == []


@pytest.mark.parametrize(
    ("cookie", "led"),
    [
        (b"a=1; Path=/", b"a=1; Path=/one"),
        (b"a=1; path=/api; Secure", b"a=1; path=/one; Secure"),
        (b"a=1;Path = /api/x", b"a=1;Path = /one/x"),
        (b"a=1; Domain=internal; Path=/api/", b"a=1; Path=/one"),
        (b"a=1; Path=/apix", b"a=1; Path=/one"),
        (b"a=1; Path=/two; Path=/api/x", b"a=1; Path=/one; Path=/one/x"),
        (b"a=1", b"a=1"),
        (b"__Host-a=1; Path=/; Secure", b"__Host-a=1; Path=/; Secure"),
    ],
)
def test_a_cookies_path_is_the_routes(cookie: bytes, led: bytes) -> None:
    assert cleaned((b"Set-Cookie", cookie)) == [(b"Set-Cookie", led)]


def test_a_cookies_path_stays_where_the_target_has_the_listener_for_itself() -> None:
    assert cleaned((b"Set-Cookie", b"a=1; Path=/x"), path="", origin="https://gw") == [
        (b"Set-Cookie", b"a=1; Path=/x")
    ]
    assert cleaned((b"Set-Cookie", b"a=1; Path=/x"), path="") == [(b"Set-Cookie", b"a=1; Path=/one/x")]
    assert cleaned((b"Set-Cookie", b"a=1; Path=/api"), origin="https://gw") == [(b"Set-Cookie", b"a=1; Path=/")]


@pytest.mark.parametrize("path", [b"/a#b", b"/a?b=1#c", b"/#", b"#", b"/a#/../admin"])
def test_a_fragment_is_refused(path: bytes) -> None:
    asked = request()
    asked.data.path = path
    with pytest.raises(hygiene.BadRequest):
        hygiene.check(asked)
