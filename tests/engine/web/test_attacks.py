"""Ways around the judge that were tried: what is judged is what is sent, and everybody is who they are."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import pytest

from demo.server import free_port
from hoopaddon import Command, Output, Refused
from hoopaddon.approval import Decision
from hoopaddon.gateway import Gateway, serving
from hoopaddon.identity.tokens import sign
from hoopaddon.store.keys import SigningKey
from tests.engine.web.test_exchanges import KEY, MODE, Watch, bearer, token_of
from tests.engine.web.test_holds import ASYNC, Ask, People
from tests.servers.http import SECRET, Address, Upstream, exchange, get, plain
from tests.servers.in_front import InFront

WITHIN_S = 10
SMUGGLED = b"DELETE /users/42 HTTP/1.1\r\nHost: t\r\n\r\n"


@pytest.fixture(autouse=True)
def target_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARGET_KEY", KEY)


def token(confdir: str, subject: str = "agent-7") -> str:
    return sign(SigningKey.load_or_create(Path(confdir)), subject=subject, ttl_s=60)


async def ask_h2(address: Address, fields: list[tuple[str, str]], body: bytes = b"") -> int:
    """The status of one request over HTTP/2 with exactly these fields, 0 for none."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection(*address, ssl=context)
    config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    connection.send_headers(1, fields, end_stream=not body)
    if body:
        connection.send_data(1, body, end_stream=True)
    writer.write(connection.data_to_send())
    status = 0
    async with asyncio.timeout(WITHIN_S):
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    status = int(dict(event.headers)[b":status"])
                if isinstance(event, h2.events.StreamEnded | h2.events.StreamReset | h2.events.ConnectionTerminated):
                    writer.close()
                    return status
    return status


def fields(method: str = "POST", path: str = "/notes", **more: str) -> list[tuple[str, str]]:
    return [
        (":method", method),
        (":scheme", "https"),
        (":authority", "t"),
        (":path", path),
        *((name.replace("_", "-"), value) for name, value in more.items()),
    ]


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream"])
async def test_a_body_without_a_length_is_no_second_request(in_front: InFront, method: str, kind: str) -> None:
    async with in_front(Watch(), mode="http:http://127.0.0.1:{}@0") as (upstream, address):
        await ask_h2(address, fields(method, content_type=kind), SMUGGLED)
    head, _, body = bytes(upstream.seen).partition(b"\r\n\r\n")
    if head:
        assert body == SMUGGLED
        assert f"content-length: {len(SMUGGLED)}".encode() in head.lower()


class Approves:
    async def ask(self, _: object) -> Decision:
        return Decision(True, ("ann",))


@asynccontextmanager
async def held(confdir: str, *modes: str) -> AsyncIterator[tuple[Upstream, Gateway, People, Ask]]:
    people, policy = People(), Ask()
    async with Upstream() as upstream:
        listening = [mode.format(upstream.port) for mode in modes]
        async with serving(modes=listening, addons=[policy], confdir=confdir) as gateway:
            gateway.approver = people
            yield upstream, gateway, people, policy


def addresses(gateway: Gateway) -> list[Address]:
    return [instance.listen_addrs[0][:2] for instance in gateway.servers.servers]


@pytest.mark.parametrize("body", [b"x" * 100, b"x" * 9_000_000])
async def test_who_asks_again_brings_no_other_body(confdir: str, body: bytes) -> None:
    request = b"PUT /firmware HTTP/1.1\r\nHost: t\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n"
    async with held(confdir, "http:http://127.0.0.1:{}@0") as (upstream, gateway, people, _):
        (address,) = addresses(gateway)
        first = await exchange(address, request + ASYNC + b"Content-Length: 8\r\n\r\n\0FIRMWARE"[:-1])
        place = first.partition(b"location: http://t")[2].partition(b"\r\n")[0]
        people.answer.set_result(Decision(True, ("ann",)))
        await asyncio.sleep(0.05)
        for method in (b"GET", b"PUT"):
            head = b"%s %s HTTP/1.1\r\nHost: t\r\nContent-Type: application/octet-stream\r\n" % (method, place)
            again = head + b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            assert (await exchange(address, again)).startswith(b"HTTP/1.1 4")
        assert not upstream.seen


async def test_an_approval_is_for_its_target(confdir: str) -> None:
    modes = [f"http:http://127.0.0.1:{{}}/{env}?label=env:{env}@{free_port()}" for env in ("staging", "prod")]
    async with held(confdir, *modes) as (upstream, gateway, people, _):
        staging, prod = addresses(gateway)
        first = await exchange(staging, get("/db", ASYNC))
        place = first.partition(b"location: http://target")[2].partition(b"\r\n")[0].decode()
        people.answer.set_result(Decision(True, ("ann",)))
        await asyncio.sleep(0.05)
        assert (await exchange(prod, get(place))).startswith(b"HTTP/1.1 404 ")
        assert not upstream.seen
        assert (await exchange(staging, get(place))).endswith(SECRET)


async def test_a_session_is_for_its_target(confdir: str) -> None:
    class NotProd:
        def command(self, command: Command) -> None:
            if command.session.target.labels.get("env") == "prod":
                raise Refused("not here")

    async with Upstream() as upstream:
        place = f"http:http://127.0.0.1:{upstream.port}"
        modes = [f"{place}/{env}?label=env:{env}@{free_port()}" for env in ("staging", "prod")]
        async with serving(modes=modes, addons=[NotProd()], confdir=confdir) as gateway:
            staging, prod = addresses(gateway)
            assert (await exchange(staging, get("/x"))).endswith(SECRET)
            assert (await exchange(prod, get("/x"))).startswith(b"HTTP/1.1 403 ")


# -- forward proxies


async def test_a_tunnel_that_was_refused_makes_nobody_known(in_front: InFront, confdir: str) -> None:
    watch = Watch()
    ann = f"Proxy-Authorization: Bearer {token(confdir, 'ann')}\r\n".encode()
    bob = f"Proxy-Authorization: Bearer {token(confdir, 'bob')}\r\n".encode()
    async with in_front(watch, mode="regular@0", forward_login="token") as (upstream, address):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n%s\r\n" % ann)
        async with asyncio.timeout(WITHIN_S):
            assert b" 502 " in await reader.readline()
            target = b"http://127.0.0.1:%d/" % upstream.port
            writer.write(b"GET %snobody HTTP/1.1\r\nHost: t\r\n\r\n" % target)
            writer.write(b"GET %sbob HTTP/1.1\r\nHost: t\r\nConnection: close\r\n%s\r\n" % (target, bob))
            rest = await reader.read()
        writer.close()
    assert b"/nobody" not in upstream.seen
    assert [(c.text, c.session.user.subject) for c in watch.commands] == [("GET /bob", "bob")]
    assert b"proxy-authorization" not in bytes(upstream.seen).lower()
    assert b"HTTP/1.1 407 " in rest
    assert rest.endswith(SECRET)


async def test_the_host_is_the_one_that_was_asked_for(in_front: InFront) -> None:
    watch = Watch()
    async with in_front(watch, mode="regular@0") as (upstream, address):
        request = b"GET http://127.0.0.1:%d/x HTTP/1.1\r\nHost: internal-admin.corp\r\nConnection: close\r\n\r\n"
        assert (await exchange(address, request % upstream.port)).endswith(SECRET)
    assert b"internal-admin" not in upstream.seen


# -- back


async def test_scripts_see_no_echo(in_front: InFront, confdir: str) -> None:
    seen: list[str] = []

    class Script:
        def responseheaders(self, flow: object) -> None:
            seen.append(str(flow.response.headers) + flow.response.reason)  # type: ignore[attr-defined]

        def response(self, flow: object) -> None:
            seen.append(flow.response.text)  # type: ignore[attr-defined]

    echoing = plain(KEY.encode(), status=b"200 " + KEY.encode(), headers=b"X-Echo: %s\r\n" % KEY.encode())
    async with in_front(Script(), mode=MODE, respond=echoing) as (_, address):
        answer = await exchange(address, get("/", bearer(token_of(confdir))))
    assert len(seen) == 2
    assert KEY not in "".join(seen)
    assert KEY.encode() not in answer


@pytest.mark.parametrize("status", [b"205 Reset Content", b"200 OK", b"404 Not Found", b"500 Oops"])
async def test_every_answer_with_a_body_is_edited(in_front: InFront, status: bytes) -> None:
    def stars(output: Output) -> None:
        output.text = output.text.replace("42", "**")

    async with in_front(Watch(output=stars), mode="http:http://127.0.0.1:{}@0", respond=plain(status=status)) as (
        _,
        address,
    ):
        answer = await exchange(address, get("/"))
    assert b"42" not in answer


async def test_an_answer_in_an_odd_transfer_coding(in_front: InFront) -> None:
    async def respond(_: Upstream, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n10\r\n%s\r\n0\r\n\r\n" % SECRET)

    async with in_front(Watch(), mode="http:http://127.0.0.1:{}@0", respond=respond) as (_, address):
        answer = await exchange(address, get("/"))
    assert SECRET not in answer
    assert answer.startswith(b"HTTP/1.1 502 ")


async def test_a_policy_that_comes_in_the_middle_of_a_stream(in_front: InFront, confdir: str) -> None:
    """What has begun without anybody who looks at it does not go on once somebody does."""
    more = asyncio.Event()

    async def respond(_: Upstream, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await more.wait()
        writer.write(b"10\r\n%s\r\n0\r\n\r\n" % SECRET)

    async with Upstream(respond) as upstream, asyncio.timeout(WITHIN_S):
        mode = f"http:http://127.0.0.1:{upstream.port}@0"
        async with serving(modes=[mode], confdir=confdir) as gateway:
            reader, writer = await asyncio.open_connection(*gateway.servers.listen_addrs()[0][:2])
            writer.write(get("/"))
            await reader.readuntil(b"first")
            gateway.addons.add(Watch(output=lambda output: None))
            more.set()
            assert SECRET not in await reader.read()
            writer.close()
