"""grpcio's client and server, with the gateway between them: HTTP/2 on both sides."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from mitmproxy import http

from hoopaddon import Command, HttpCommand, Outcome, Output, Refused
from hoopaddon.approval import ApprovalRequest, Approver, Decision
from hoopaddon.gateway import serving
from tests.conformance.suite import resident_bytes
from tests.engine.web.clients.conftest import EMAIL, MASK, Certificate, Looks, Policies

WITHIN_S = 15
SERVICE = "shop.Orders"


def message(text: str) -> bytes:
    """A message with one field, a string."""
    said = text.encode()
    assert len(said) < 128
    return b"\x0a" + bytes([len(said)]) + said


async def unary(request: bytes, context: Any) -> bytes:
    context.set_trailing_metadata((("x-after", "yes"),))
    if b"missing" in request:
        await context.abort(grpc.StatusCode.NOT_FOUND, f"no order of {EMAIL}, 100%")
    return message(f"for {EMAIL}")


async def to_client(_request: bytes, _context: Any) -> AsyncIterator[bytes]:
    for n in range(5):
        yield message(f"part {n} for {EMAIL}")


HEARD: list[bytes] = []
"""What clients' streams have brought."""


async def from_client(requests: AsyncIterator[bytes], _context: Any) -> bytes:
    count = 0
    async for request in requests:
        HEARD.append(request)
        count += 1
    return message(f"{count} came")


async def both(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        HEARD.append(request)
        yield request


async def echo(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


HANDLERS = {
    "Echo": grpc.stream_stream_rpc_method_handler(echo),
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "ToClient": grpc.unary_stream_rpc_method_handler(to_client),
    "FromClient": grpc.stream_unary_rpc_method_handler(from_client),
    "Both": grpc.stream_stream_rpc_method_handler(both),
}


@asynccontextmanager
async def channel(
    certificate: Certificate,
    confdir: Path,
    *addons: object,
    tls: bool = False,
    allow: str = "",
    approver: Approver | None = None,
    **options: Any,
) -> AsyncIterator[grpc.aio.Channel]:
    """A client's channel through a gateway with these policies."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, HANDLERS),))
    credentials = grpc.ssl_server_credentials(((certificate.key, certificate.pem),))
    port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    modes = [f"http:https://localhost:{port}?ca={certificate.path}{allow}@127.0.0.1:0"]
    try:
        async with serving(modes=modes, addons=addons, confdir=str(confdir), **options) as gateway:
            gateway.approver = approver or gateway.approver
            at = f"localhost:{gateway.servers.listen_addrs()[0][1]}"
            if tls:
                authority = (confdir / "hoopaddon-ca-cert.pem").read_bytes()
                opened = grpc.aio.secure_channel(at, grpc.ssl_channel_credentials(authority))
            else:
                opened = grpc.aio.insecure_channel(at)
            async with opened:
                yield opened
    finally:
        await server.stop(0)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_calls(certificate: Certificate, web_confdir: Path, policies: type, tls: bool) -> None:
    shown = MASK if policies is Policies else EMAIL
    watch = policies()
    async with channel(certificate, web_confdir, watch, tls=tls) as to:
        call = to.unary_unary(f"/{SERVICE}/Unary")(message("hello"), timeout=WITHIN_S)
        assert await call == message(f"for {shown}")
        assert (await call.code()) is grpc.StatusCode.OK
        after = dict(await call.trailing_metadata())
        # Where answers are edited, what nobody could look into is left out.
        assert after.get("x-after") == ("yes" if policies is Looks else None)
        parts = to.unary_stream(f"/{SERVICE}/ToClient")(message("hello"), timeout=WITHIN_S)
        assert [part async for part in parts] == [message(f"part {n} for {shown}") for n in range(5)]
        many = to.stream_unary(f"/{SERVICE}/FromClient")(iter([message("x")] * 7), timeout=WITHIN_S)
        assert await many == message("7 came")
    # What a client's stream brings is judged as it comes, and how much that is at once is up to chance.
    said = list(dict.fromkeys(command.text.split("\n")[0] for command in watch.ended))
    assert said == [f"POST /{SERVICE}/{name}" for name in ("Unary", "ToClient", "FromClient")]


@pytest.mark.parametrize("policies", [Looks, Policies])
async def test_an_error_is_the_servers_own(certificate: Certificate, web_confdir: Path, policies: type) -> None:
    shown = MASK if policies is Policies else EMAIL
    async with channel(certificate, web_confdir, policies()) as to:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.unary_unary(f"/{SERVICE}/Unary")(message("missing"), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        assert caught.value.details() == f"no order of {shown}, 100%"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.unary_unary(f"/{SERVICE}/None")(message("x"), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("tls", [False, True])
async def test_a_refusal(certificate: Certificate, web_confdir: Path, tls: bool) -> None:
    async with channel(certificate, web_confdir, Policies(), tls=tls) as to:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.unary_unary(f"/{SERVICE}/delete-me")(message("x"), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "nothing is deleted here" in str(caught.value.details())
        assert await to.unary_unary(f"/{SERVICE}/Unary")(message("x"), timeout=WITHIN_S)


async def talk(to: grpc.aio.Channel, words: Iterable[str]) -> list[bytes]:
    """Say each word once the one before has been answered."""
    call = to.stream_stream(f"/{SERVICE}/Both")(timeout=WITHIN_S)
    heard = []
    for word in words:
        await call.write(message(word))
        heard.append(await call.read())
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    return heard


@pytest.mark.parametrize("policies", [Looks, Policies])
@pytest.mark.parametrize("tls", [False, True])
async def test_both_speak_at_the_same_time(
    certificate: Certificate, web_confdir: Path, policies: type, tls: bool
) -> None:
    """Each message is judged before it is sent, and masked as it comes back."""
    shown = MASK if policies is Policies else EMAIL
    watch = policies()
    async with channel(certificate, web_confdir, watch, tls=tls) as to:
        heard = await talk(to, [f"word {n} {EMAIL}" for n in range(3)])
    assert heard == [message(f"word {n} {shown}") for n in range(3)]
    assert {command.text for command in watch.ended} == {f"POST /{SERVICE}/Both"}
    assert len(watch.ended) == len({command.parameters for command in watch.ended}) == 3
    assert {command.verdict.outcome for command in watch.ended} == {Outcome.ALLOWED}


class WatchesWords:
    """A rule about what is asked, written without a thought of calls."""

    def __init__(self) -> None:
        self.ended: list[Command] = []

    def http_request(self, command: HttpCommand) -> None:
        if any("delete-me" in str(said) for said in command.values("1")):
            raise Refused("nothing is deleted here")

    def command_end(self, command: Command) -> None:
        self.ended.append(command)


async def test_a_message_is_refused_in_mid_call(certificate: Certificate, web_confdir: Path) -> None:
    watch = WatchesWords()
    HEARD.clear()
    async with channel(certificate, web_confdir, watch) as to:
        call = to.stream_stream(f"/{SERVICE}/Both")(timeout=WITHIN_S)
        await call.write(message("hello"))
        assert await call.read() == message("hello")
        await call.write(message("delete-me"))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "nothing is deleted here" in str(caught.value.details())
        # The connection is as good as before.
        assert await to.unary_unary(f"/{SERVICE}/Unary")(message("x"), timeout=WITHIN_S)
    assert [message("hello")] == HEARD
    refused = [command for command in watch.ended if not command.verdict.passes]
    assert [command.verdict.reason for command in refused] == ["nothing is deleted here"]


@pytest.mark.parametrize("words", [["delete-me"], ["hello", "delete-me"], ["hello", "x", "delete-me", "y"]])
async def test_a_message_is_refused_before_any_answer(
    certificate: Certificate, web_confdir: Path, words: list[str]
) -> None:
    async with channel(certificate, web_confdir, WatchesWords()) as to:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.stream_unary(f"/{SERVICE}/FromClient")(slowly(words), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert "nothing is deleted here" in str(caught.value.details())
        many = to.stream_unary(f"/{SERVICE}/FromClient")(slowly(["a", "b"]), timeout=WITHIN_S)
        assert await many == message("2 came")
    assert message("delete-me") not in HEARD


async def slowly(words: Iterable[str]) -> AsyncIterator[bytes]:
    for word in words:
        yield message(word)
        await asyncio.sleep(0.05)


LARGE = b"x" * 3_000_000


async def test_a_message_that_is_too_large(certificate: Certificate, web_confdir: Path) -> None:
    HEARD.clear()
    async with channel(certificate, web_confdir, Looks(), stream_large_bodies="1m") as to:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.unary_unary(f"/{SERVICE}/FromClient")(LARGE, timeout=WITHIN_S)
        assert "larger than what is looked into" in str(caught.value.details())
    assert not HEARD


async def test_a_large_message_may_pass_unseen(certificate: Certificate, web_confdir: Path) -> None:
    """What comes before and after it is judged all the same."""
    watch = WatchesWords()
    unseen = "&allow=large_body"
    async with channel(certificate, web_confdir, Looks(), watch, allow=unseen, stream_large_bodies="1m") as to:
        call = to.stream_unary(f"/{SERVICE}/FromClient")(iter([message("x"), LARGE, message("y")]), timeout=WITHIN_S)
        assert await call == message("3 came")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to.stream_unary(f"/{SERVICE}/FromClient")(slowly_after(LARGE, "delete-me"), timeout=WITHIN_S)
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def slowly_after(first: bytes, *words: str) -> AsyncIterator[bytes]:
    yield first
    async for said in slowly(words):
        await asyncio.sleep(0.2)
        yield said


class Later:
    """Says yes when the test does."""

    def __init__(self) -> None:
        self.yes = asyncio.Event()

    async def ask(self, _request: ApprovalRequest) -> Decision:
        await self.yes.wait()
        return Decision(True, ("bob",))


async def test_a_hold_stops_no_other_call(certificate: Certificate, web_confdir: Path) -> None:
    """Of the same connection, nor the one that is held, once somebody has said yes."""
    asked = asyncio.Event()

    class Holds:
        async def http_request(self, command: HttpCommand) -> None:
            if "hold-me" in command.values("1"):
                asked.set()
                await command.approve("a word", within_s=WITHIN_S)

    approver = Later()
    async with channel(certificate, web_confdir, Holds(), approver=approver) as to:
        held = asyncio.create_task(talk(to, ["a", "hold-me", "b"]))
        async with asyncio.timeout(WITHIN_S):
            await asked.wait()
            assert await talk(to, ["c", "d"]) == [message("c"), message("d")]
            assert not held.done()
            approver.yes.set()
            assert await held == [message("a"), message("hold-me"), message("b")]


async def test_a_script_is_shown_whole_requests(certificate: Certificate, web_confdir: Path) -> None:
    """Its hook is called once, with all there is; so a call waits for its end where a script wants to see it."""
    shown: list[bytes] = []

    class Script:
        def request(self, flow: http.HTTPFlow) -> None:
            shown.append(flow.request.raw_content or b"")

    async with channel(certificate, web_confdir, Script()) as to:
        many = to.stream_unary(f"/{SERVICE}/FromClient")(slowly(["a", "b"]), timeout=WITHIN_S)
        assert await many == message("2 came")
    assert shown == [b"".join(b"\0" + len(m).to_bytes(4) + m for m in (message("a"), message("b")))]


async def test_memory_stays_flat(certificate: Certificate, web_confdir: Path) -> None:
    """However much a call brings in both directions; client and server are in this process too."""
    body = message("x" * 100) + b"\x12\xfe\xff\x03" + b"\xff" * 65_534

    async def echoed(to: grpc.aio.Channel, count: int) -> None:
        call = to.stream_stream(f"/{SERVICE}/Echo")(timeout=60)

        async def speak() -> None:
            for _ in range(count):
                await call.write(body)
            await call.done_writing()

        speaking = asyncio.create_task(speak())
        assert [part == body async for part in call] == [True] * count
        await speaking

    class Forgets:
        def command(self, command: Command) -> None:
            if "delete-me" in command.text:
                raise Refused("nothing is deleted here")

        def output(self, output: Output) -> None:
            output.text = output.text.replace(EMAIL, MASK)

    async with channel(certificate, web_confdir, Forgets()) as to:
        await echoed(to, 300)
        before = resident_bytes(os.getpid())
        await echoed(to, 900)
        assert resident_bytes(os.getpid()) - before < 32 << 20
