"""Requests to a target of the gateway's own: who sends them, what is sent, and what comes back."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hoopaddon import Command, Output, Refused, Session
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.servers.http import SECRET, chunks, exchange, exchange_h2, get, plain, post
from tests.servers.in_front import InFront

KEY = "the-targets-own-key"
MODE = "http:http://127.0.0.1:{}?bearer=env:TARGET_KEY&name=shop@0"
JSON = b"Content-Type: application/json\r\n"


@pytest.fixture(autouse=True)
def target_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_KEY", KEY)


@pytest.fixture
def token(confdir: str) -> str:
    return token_of(confdir)


def token_of(confdir: str, subject: str = "agent-7", target: str | None = None) -> str:
    return sign(SigningKey.load_or_create(Path(confdir)), subject=subject, groups=["dev"], ttl_s=60, target=target)


def bearer(token: str) -> bytes:
    return f"Authorization: Bearer {token}\r\n".encode()


class Watch:
    """Remembers what it is shown, and refuses what its functions refuse."""

    def __init__(
        self, command: Callable[[Command], None] | None = None, output: Callable[[Output], None] | None = None
    ) -> None:
        self.commands: list[Command] = []
        self.ended: list[Command] = []
        self.sessions: list[Session] = []
        self._command, self._output = command, output

    def session_start(self, session: Session) -> None:
        self.sessions.append(session)

    def command(self, command: Command) -> None:
        self.commands.append(command)
        if self._command:
            self._command(command)

    def output(self, output: Output) -> None:
        if self._output:
            self._output(output)

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


def head_and_body(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


# -- who


async def test_a_token_is_taken_out_and_the_credential_put_in(in_front: InFront, token: str) -> None:
    watch = Watch()
    async with in_front(watch, mode=MODE) as (upstream, address):
        answer = await exchange(address, get("/orders/17?x=1", bearer(token)))
    assert answer.endswith(SECRET)
    assert b"GET /orders/17?x=1 HTTP/1.1" in upstream.seen
    assert f"Bearer {KEY}".encode() in upstream.seen
    assert token.encode() not in upstream.seen
    (command,) = watch.commands
    assert command.text == "GET /orders/17?x=1"
    assert (command.session.user.subject, command.session.target.name) == ("agent-7", "shop")
    assert command.session.user.groups == {"dev"}
    assert [(c.tag, c.verdict.outcome) for c in watch.ended] == [("200", "allowed")]
    assert KEY not in repr([(c.text, c.parameters, c.session) for c in watch.commands])


@pytest.mark.parametrize("form", ["bearer", "basic", "cookie"])
async def test_where_a_token_may_stand(in_front: InFront, token: str, form: str) -> None:
    basic = base64.b64encode(f"anything:{token}".encode()).decode()
    headers = {
        "bearer": bearer(token),
        "basic": f"Authorization: Basic {basic}\r\n".encode(),
        "cookie": f"Cookie: theme=dark; hoopaddon_token={token}; lang=de\r\n".encode(),
    }[form]
    async with in_front(mode=MODE) as (upstream, address):
        assert (await exchange(address, get("/", headers))).endswith(SECRET)
    assert token.encode() not in upstream.seen
    assert basic.encode() not in upstream.seen
    if form == "cookie":
        assert b"theme=dark; lang=de\r\n" in upstream.seen


@pytest.mark.parametrize(
    "headers",
    [
        b"",
        b"Authorization: Bearer nonsense\r\n",
        b"Authorization: Basic !!!\r\n",
        b"Authorization: Digest a=b\r\n",
        b"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.\r\n",
        b"Cookie: hoopaddon_token=\r\n",
    ],
)
async def test_who_proves_nothing_is_told_how(in_front: InFront, headers: bytes) -> None:
    watch = Watch()
    async with in_front(watch, mode=MODE) as (upstream, address):
        head, body = head_and_body(await exchange(address, get("/", headers)))
    assert head.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate: Bearer" in head
    assert "token" in json.loads(body)["detail"]
    assert not upstream.seen
    assert not watch.commands


async def test_two_proofs_are_none(in_front: InFront, token: str) -> None:
    async with in_front(mode=MODE) as (upstream, address):
        answer = await exchange(address, get("/", bearer(token) + b"Authorization: Bearer other\r\n"))
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert not upstream.seen


async def test_a_token_for_another_target(in_front: InFront, confdir: str) -> None:
    async with in_front(mode=MODE) as (_, address):
        other = await exchange(address, get("/", bearer(token_of(confdir, target="billing"))))
        this = await exchange(address, get("/", bearer(token_of(confdir, target="shop"))))
    assert other.startswith(b"HTTP/1.1 401 ")
    assert this.endswith(SECRET)


async def test_without_a_credential_the_clients_own_passes(in_front: InFront) -> None:
    watch = Watch()
    async with in_front(watch, mode="http:http://127.0.0.1:{}@0") as (upstream, address):
        assert (await exchange(address, get("/", b"Authorization: Bearer mine\r\n"))).endswith(SECRET)
    assert b"Authorization: Bearer mine" in upstream.seen
    assert watch.commands[0].session.user.subject == "anonymous"


async def test_connections_to_the_target_are_used_again(in_front: InFront) -> None:
    async with in_front(Watch(output=lambda output: None), mode="http:http://127.0.0.1:{}@0") as (upstream, address):
        requests = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n" * 2 + get()
        assert (await exchange(address, requests)).count(SECRET) == 3
    assert len(upstream.writers) == 1


async def test_one_session_for_many_connections(in_front: InFront, confdir: str) -> None:
    watch = Watch()
    tokens = [token_of(confdir), token_of(confdir, "ann")]
    async with in_front(watch, mode=MODE) as (_, address):
        for one in (tokens[0], tokens[0], tokens[1], tokens[0]):
            await exchange(address, get("/", bearer(one)))
    assert [session.user.subject for session in watch.sessions] == ["agent-7", "ann"]
    assert [command.number for command in watch.commands] == [1, 2, 1, 3]


async def test_a_session_may_be_refused(in_front: InFront, token: str) -> None:
    class Closed:
        def session_start(self, session: Session) -> None:
            raise Refused("closed on Sundays")

    async with in_front(Closed(), mode=MODE) as (upstream, address):
        answers = [await exchange(address, get("/", bearer(token))) for _ in range(2)]
    assert all(a.startswith(b"HTTP/1.1 403 ") and b"closed on Sundays" in a for a in answers)
    assert not upstream.seen


# -- what


async def test_a_refusal_is_a_problem(in_front: InFront, token: str) -> None:
    def no_deletion(command: Command) -> None:
        if "delete" in command.verbs:
            raise Refused("deletions need a ticket")

    watch = Watch(no_deletion)
    async with in_front(watch, mode=MODE) as (upstream, address):
        request = get("/orders/17", bearer(token)).replace(b"GET", b"DELETE", 1)
        head, body = head_and_body(await exchange(address, request))
    assert head.startswith(b"HTTP/1.1 403 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["detail"] == "deletions need a ticket"
    assert json.loads(body)["policy"] == "Watch"
    assert not upstream.seen
    assert [c.verdict.outcome for c in watch.ended] == ["refused"]


async def test_a_broken_policy_lets_nothing_out(in_front: InFront, token: str) -> None:
    def broken(command: Command) -> None:
        raise ValueError(command.text)

    async with in_front(Watch(broken), mode=MODE) as (upstream, address):
        answer = await exchange(address, get("/secret-path", bearer(token)))
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"secret-path" not in answer
    assert not upstream.seen


async def test_a_rewrite_is_what_is_sent(in_front: InFront, token: str) -> None:
    def fewer(command: Command) -> None:
        line, _, body = command.text.partition("\n\n")
        command.rewrite("POST /limited\n\n" + body.replace("1000", "10") if body else line)

    async with in_front(Watch(fewer), mode=MODE) as (upstream, address):
        request = post(b'{"limit": 1000}').replace(b"Host: target\r\n", b"Host: target\r\n" + JSON + bearer(token))
        await exchange(address, request)
    assert b"POST /limited HTTP/1.1" in upstream.seen
    assert upstream.seen.endswith(b'{"limit": 10}')
    assert b"content-length: 13" in bytes(upstream.seen).lower()


async def test_a_script_comes_before_the_verdict(in_front: InFront, token: str) -> None:
    """What a script of mitmproxy's makes of a request is what is judged, and it never sees the credential."""
    seen: list[str] = []

    class Script:
        def request(self, flow: object) -> None:
            flow.request.path = "/drop"  # type: ignore[attr-defined]
            seen.append(str(flow.request.headers))  # type: ignore[attr-defined]

    def no_drop(command: Command) -> None:
        if "drop" in command.text:
            raise Refused("no")

    async with in_front(Script(), Watch(no_drop), mode=MODE) as (upstream, address):
        answer = await exchange(address, get("/", bearer(token)))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert not upstream.seen
    assert KEY not in seen[0]
    assert token not in seen[0]


@pytest.mark.parametrize(
    "field",
    [
        b"X-Forwarded-For: 10.0.0.1",
        b"X_Forwarded_For: 10.0.0.1",
        b"Forwarded: for=10.0.0.1",
        b"X-Real-IP: 10.0.0.1",
        b"X-Remote-User: root",
        b"X-Original-URL: /admin",
        b"X-Forwarded-Host: admin.internal",
        b"Remote-User: root",
        b"Proxy-Authorization: Basic eDp5",
        b"Connection: close, X-Secret\r\nX-Secret: 1",
        b"Via: 1.1 other",
    ],
)
async def test_what_speaks_for_the_gateway_is_taken_out(in_front: InFront, token: str, field: bytes) -> None:
    async with in_front(mode=MODE) as (upstream, address):
        answer = await exchange(address, get("/", bearer(token) + field + b"\r\n"))
    name = field.split(b"\r\n")[-1].partition(b":")[0].lower()
    assert answer.endswith(SECRET)
    assert name + b":" not in bytes(upstream.seen).lower()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n%s\r\n",
        b"GET / HTTP/1.1\r\nHost: a b\r\n%s\r\n",
        b"GET /a b HTTP/1.1\r\nHost: a\r\n%s\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n%s\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n%s\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n%s\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n%s\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n%s\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n%s\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n%s\r\nabc",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 200 + b"%s\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n%s\r\n",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused(in_front: InFront, token: str, request_: bytes) -> None:
    async with in_front(mode=MODE) as (upstream, address):
        answer = await exchange(address, request_.replace(b"%s", b"Connection: close\r\n" + bearer(token)))
    assert answer.startswith(b"HTTP/1.1 4")
    assert not upstream.seen


# -- where


async def test_targets_by_host_and_path(in_front: InFront) -> None:
    mode = (
        "http:http://127.0.0.1:{0}/base?name=a&host=a.example"
        "|http://127.0.0.1:{0}/b?name=b&host=a.example&path=/billing|http://127.0.0.1:{0}?name=c&path=/c@0"
    )
    watch = Watch()
    async with in_front(watch, mode=mode) as (upstream, address):
        for host, path in (("a.example", "/x"), ("A.example:80", "/billing/1?q=2"), ("b", "/c"), ("b", "/cc")):
            answer = await exchange(address, get(path).replace(b"Host: target", f"Host: {host}".encode()))
            assert answer.endswith(SECRET) is (path != "/cc")
    assert [c.session.target.name for c in watch.commands] == ["a", "b", "c"]
    assert [c.text for c in watch.commands] == ["GET /base/x", "GET /b/1?q=2", "GET /"]
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert f"Host: 127.0.0.1:{upstream.port}".encode() in upstream.seen


async def test_a_redirect_leads_back_to_the_gateway(in_front: InFront) -> None:
    async def respond(upstream: object, writer: object) -> None:
        port = upstream.port  # type: ignore[attr-defined]
        writer.write(  # type: ignore[attr-defined]
            b'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/base/next?a=1\r\nAlt-Svc: h3=":1"\r\n'
            b"Set-Cookie: a=b; Domain=internal; Path=/\r\nContent-Length: 0\r\n\r\n" % port
        )

    async with in_front(mode="http:http://127.0.0.1:{}/base?path=/api@0", respond=respond) as (_, address):
        answer = await exchange(address, get("/api/x").replace(b"Host: target", b"Host: gw:8081"))
    assert b"location: http://gw:8081/api/next?a=1\r\n" in answer.lower()
    assert b"alt-svc" not in answer.lower()
    assert b"domain" not in answer.lower()


# -- back


def stars(output: Output) -> None:
    output.text = output.text.replace("42", "**")


@pytest.mark.parametrize(
    "respond",
    [
        plain(),
        plain((SECRET + b"\n") * 8000),
        chunks(b"the-answer", b"-is-4", b"2"),
        plain(b'{"a": "42"}', headers=JSON),
    ],
    ids=["small", "large", "chunked", "json"],
)
async def test_what_comes_back_is_edited(in_front: InFront, token: str, respond: object) -> None:
    watch = Watch(output=stars)
    async with in_front(watch, mode=MODE, respond=respond) as (_, address):
        answer = await exchange(address, get("/", bearer(token)))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"42" not in answer
    assert b"**" in answer
    assert watch.ended[0].bytes > 0


@pytest.mark.parametrize("respond", [plain(), chunks(*[b"the-answer-is-42\n"] * 3)], ids=["small", "chunked"])
async def test_an_answer_may_be_refused(in_front: InFront, token: str, respond: object) -> None:
    def refuse(output: Output) -> None:
        raise Refused("not for you")

    watch = Watch(output=refuse)
    async with in_front(watch, mode=MODE, respond=respond) as (_, address):
        answer = await exchange(address, get("/", bearer(token)))
    assert SECRET not in answer
    assert b"not for you" in answer or not answer.endswith(b"0\r\n\r\n")
    assert len(watch.ended) == 1


@pytest.mark.parametrize("count", [1, 3])
async def test_the_credential_does_not_come_back(in_front: InFront, token: str, count: int) -> None:
    spelt = [KEY, base64.b64encode(f"x{KEY}y".encode()).decode(), KEY.encode().hex()]
    body = json.dumps(spelt).encode()
    size = len(body) // count + 1
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    respond = chunks(*parts) if count > 1 else plain(body, headers=b"X-Echo: Bearer %s\r\n" % KEY.encode())
    async with in_front(mode=MODE, respond=respond) as (_, address):
        answer = await exchange(address, get("/", bearer(token)))
    assert not [text for text in spelt[::2] if text.encode() in answer]
    assert base64.b64encode(KEY.encode())[4:20] not in answer


async def test_a_range_is_not_asked_for_where_answers_are_edited(in_front: InFront, token: str) -> None:
    async with in_front(Watch(output=stars), mode=MODE) as (upstream, address):
        await exchange(address, get("/", bearer(token) + b"Range: bytes=14-\r\n"))
    assert b"range:" not in bytes(upstream.seen).lower()


async def test_http2_to_a_client(in_front: InFront) -> None:
    watch = Watch(output=stars)
    async with in_front(watch, mode="http:http://127.0.0.1:{}@0") as (_, address):
        replies = await exchange_h2(address, 3)
    assert [reply.status for reply in replies] == [200] * 3
    assert all(b"**" in reply.body and b"42" not in reply.body for reply in replies)
    assert {command.text for command in watch.commands} == {"GET /0", "GET /1", "GET /2"}
    assert len(watch.ended) == 3
